// What one host on a folder leaves for the next, to be quicker: never what it could not find out again.
import { readNamedFile } from "../../io/named_file.ts";

const ALGORITHM = { name: "HMAC", hash: "SHA-512" };
const KEY_BYTES = 32;
const MAC_BYTES = 64;
/** More files than that are not kept: the ones that were written longest ago go. */
const MAX_FILES = 64;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Keeps files that bear a code of a key of the folder (HMAC-SHA-512): one that anybody else wrote, renamed or
 * tore is as if it were absent. Failures to write are none: the next host then finds out for itself.
 */
export class KeptFiles {
  readonly #dir: string;
  #key: Promise<CryptoKey> | undefined;

  /** @param dir The folder, which may not exist yet; nobody but the host's user may enter it. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads a file; `undefined` where there is none that is whole and ours. */
  async read(name: string): Promise<Uint8Array | undefined> {
    try {
      const key = await this.#readKey();
      const bytes = await readNamedFile(`${this.#dir}/${name}`, MAX_BYTES + MAC_BYTES);
      const content = bytes.subarray(MAC_BYTES);
      const mac = bytes.subarray(0, MAC_BYTES) as Uint8Array<ArrayBuffer>;
      const isOurs = await crypto.subtle.verify("HMAC", key, mac, authenticated(name, content));
      return isOurs ? content : undefined;
    } catch {
      return undefined; // absent, or not to be read: either way it cannot be relied on
    }
  }

  /** Writes a file in the place of an earlier one. */
  async write(name: string, content: Uint8Array): Promise<void> {
    if (content.length > MAX_BYTES) return;
    const path = `${this.#dir}/${name}`;
    const temporary = `${path}.${crypto.randomUUID()}.tmp`;
    try {
      await Deno.mkdir(this.#dir, { recursive: true, mode: 0o700 });
      const key = await this.#makeKey();
      const mac = await crypto.subtle.sign("HMAC", key, authenticated(name, content));
      await Deno.writeFile(temporary, concat(new Uint8Array(mac), content), {
        mode: 0o600,
        createNew: true,
      });
      await Deno.rename(temporary, path);
      this.#evict();
    } catch {
      await Deno.remove(temporary).catch(() => {}); // it was not written, or has its name
    }
  }

  /** Removes a file. */
  async remove(name: string): Promise<void> {
    await Deno.remove(`${this.#dir}/${name}`).catch(() => {}); // it is not there
  }

  /** What a host that was killed left half written goes with the oldest. */
  #evict(): void {
    const found = [...Deno.readDirSync(this.#dir)].filter(({ name }) => name !== "key")
      .map(({ name }) => {
        const path = `${this.#dir}/${name}`;
        return { path, written: Deno.lstatSync(path).mtime?.getTime() ?? 0 };
      }).sort((a, b) => b.written - a.written);
    for (const { path } of found.slice(MAX_FILES)) Deno.removeSync(path);
  }

  #readKey(): Promise<CryptoKey> {
    this.#key ??= readNamedFile(`${this.#dir}/key`, KEY_BYTES).then((bytes) => {
      if (bytes.length !== KEY_BYTES) throw new Error("The key is torn");
      const key = bytes as Uint8Array<ArrayBuffer>;
      return crypto.subtle.importKey("raw", key, ALGORITHM, false, ["sign", "verify"]);
    });
    this.#key.catch(() => this.#key = undefined);
    return this.#key;
  }

  async #makeKey(): Promise<CryptoKey> {
    try {
      return await this.#readKey();
    } catch {
      const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
      const temporary = `${this.#dir}/key.${crypto.randomUUID()}.tmp`;
      await Deno.writeFile(temporary, key, { mode: 0o600, createNew: true });
      // the last of several hosts wins; what the others have written meanwhile is then nobody's
      await Deno.rename(temporary, `${this.#dir}/key`);
      return await this.#readKey();
    }
  }
}

/** A code is for one name, so that no file stands in for another. */
function authenticated(name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(new TextEncoder().encode(`${name}\0`), content);
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
