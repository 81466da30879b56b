// What a look at a bundle finds.
import type { Limits } from "../bundle/manifest/limits.ts";
import type { AccessLevel, Manifest } from "../bundle/manifest/manifest_schema.ts";
import type { SallyportError } from "../errors.ts";
import type { Policy, PolicyEntry } from "../permissions/policy/policy_schema.ts";
import type { SandboxReport } from "../sandbox/launch/launcher.ts";
import type { Signer } from "./plugin/known_plugin.ts";

/**
 * Holds what a host would make of a bundle.
 *
 * @category Inspection
 */
export interface Inspection {
  /** The manifest. */
  readonly manifest: Manifest;
  /** The bundle hash. */
  readonly bundleHash: string;
  /** The files but the envelope. */
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly sha3_512: string;
  }[];
  /**
   * The signatures in the envelope. A key id is only a claim unless its signature is `trusted`; `void` is
   * that of a known key that does not count for this plugin now, `invalid` one that a known key did not make.
   */
  readonly signatures: readonly (Signer & {
    readonly status: "trusted" | "void" | "invalid" | "unknown";
  })[];
  /** When it was signed and until when that holds, where this can be read; a claim where there is a `refusal`. */
  readonly statement: { readonly createdAt: string; readonly expiresAt?: string } | undefined;
  /** The keys that signed and count; none where there is a `refusal`. */
  readonly signers: readonly Signer[];
  /** Why a host would not verify it. */
  readonly refusal: SallyportError | undefined;
  /** Why a host would not load it although it is verified. */
  readonly denial: SallyportError | undefined;
  /** What it asks beyond the version that the host ran before, and whether the trust list accepts that. */
  readonly consent: {
    readonly before: string;
    readonly added: readonly {
      readonly family: string;
      readonly value: string;
      readonly before?: string;
    }[];
    readonly accepted: boolean;
  } | undefined;
  /** What the policy says of it. */
  readonly entry: PolicyEntry;
  /** The part of a policy that would grant all that is missing. */
  readonly missingPolicy: Policy | undefined;
  /** Services that it asks for and does not fully get: it loads, but such calls are denied. */
  readonly missingServices: readonly {
    readonly key: string;
    readonly asked: AccessLevel;
    readonly granted: AccessLevel | undefined;
  }[];
  /** What it would be started as; where the policy denies something, without that. */
  readonly launch: InspectedLaunch | undefined;
}

/**
 * Holds what a plugin would be started as; `<data>` stands for the host's folder, `<run>` for its run.
 *
 * @category Inspection
 */
export interface InspectedLaunch {
  /** What it may do; `items` says where each part comes from, `dropped` what the policy does not cover. */
  readonly permissions:
    & Readonly<Record<"net" | "read" | "write" | "sys" | "hooks", readonly string[]>>
    & {
      readonly limits: Limits;
      readonly context: Readonly<Record<string, AccessLevel>>;
      readonly items: readonly {
        readonly family: string;
        readonly value: string;
        readonly requested: string;
        readonly source: string;
      }[];
      readonly dropped: readonly {
        readonly family: string;
        readonly value: string;
        readonly reason: string;
      }[];
    };
  /** The same in words, one line a permission. */
  readonly explanation: readonly string[];
  /** The command, with its whole environment. */
  readonly command: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
  };
  /** What of it the bootstrap gives up before anything of the plugin is there. */
  readonly givenUp: readonly {
    readonly family: "net" | "read" | "write" | "ffi";
    readonly value: string;
  }[];
  /** What would contain it. */
  readonly sandbox: SandboxReport;
}
