// Where folders are on their file systems: two paths may lead to one place by mounts, without a link.
import { mayRead } from "../../io/open_to_others.ts";
import { overlaps, pathCovers } from "../../permissions/scopes/path_scope.ts";

/** A folder or file of a file system, whatever is mounted where. */
interface Place {
  /** The numbers of the file system. */
  readonly device: string;
  /** The path from its root. */
  readonly path: string;
}

interface Mount extends Place {
  readonly point: string;
}

const TABLE = "/proc/self/mountinfo";

/** The mounts that this process sees, as they are at one moment. */
export class MountPlaces {
  readonly #mounts: readonly Mount[];

  /** Takes the text of `/proc/<pid>/mountinfo` (see proc_pid_mountinfo(5)). */
  constructor(table: string) {
    this.#mounts = table.split("\n").flatMap((line) => {
      const [, , device, path, point] = line.split(" ").map(unescape);
      return device && path && point ? [{ device, path, point }] : [];
    });
  }

  /** Looks now; there are none where the host may not look. */
  static look(): MountPlaces {
    try {
      return new MountPlaces(mayRead(TABLE) ? Deno.readTextFileSync(TABLE) : "");
    } catch {
      return new MountPlaces(""); // not Linux
    }
  }

  /** Lists the place of a real path, then those of what is mounted beneath it. */
  of(path: string): Place[] {
    // of two mounts on one point the later one is seen
    const on = this.#mounts.filter(({ point }) => pathCovers(point, path))
      .reduce<Mount | undefined>(
        (best, one) => best !== undefined && best.point.length > one.point.length ? best : one,
        undefined,
      );
    if (on === undefined) return [];
    const rest = path.slice(on.point === "/" ? 0 : on.point.length);
    const beneath = this.#mounts.filter(({ point }) => point !== path && pathCovers(path, point));
    return [{ device: on.device, path: `${on.path === "/" ? "" : on.path}${rest}` }, ...beneath];
  }
}

/** Tells whether one place is in another, and whether anything of theirs is the same. */
export function comparePlaces(
  outer: readonly Place[],
  inner: readonly Place[],
): "within" | "overlap" | undefined {
  const same = (test: (a: string, b: string) => boolean) => (a: Place, b: Place) =>
    a.device === b.device && test(a.path, b.path);
  const [first] = inner;
  if (first !== undefined && outer.some((one) => same(pathCovers)(one, first))) return "within";
  return outer.some((one) => inner.some((other) => same(overlaps)(one, other)))
    ? "overlap"
    : undefined;
}

function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
