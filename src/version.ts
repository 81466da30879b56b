/** The version of this package, which is also the version of the host API that manifests name in `sdk`. */
export const VERSION = "0.1.0";
