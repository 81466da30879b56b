/** What `@sallyport/host/plugin` is in a plugin's process: all else there are types. */
const SDK_SOURCE = "export function definePlugin(plugin) { return plugin; }";

const SDK_URL = `data:text/javascript,${encodeURIComponent(SDK_SOURCE)}`;

/**
 * The import map of plugins' processes, as JSON: the specifiers of the plugin API resolve to a module
 * inside the map itself, so that importing it needs neither a network nor a file.
 */
export const IMPORT_MAP_SOURCE: string = `${
  JSON.stringify(
    {
      imports: {
        "@sallyport/host/plugin": SDK_URL,
        "jsr:@sallyport/host/plugin": SDK_URL,
      },
    },
    null,
    2,
  )
}\n`;
