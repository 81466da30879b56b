// A small web site on loopback, for links to point at.
/** A running site. */
export interface Site extends AsyncDisposable {
  readonly host: string;
  /** Returns the address of a page. */
  url(path: string): string;
  readonly requests: readonly string[];
}

/** Starts a site. */
export function startSite(pages: Readonly<Record<string, number | string>>): Site {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    requests.push(`${request.method} ${pathname}`);
    const page = pages[pathname] ?? 404;
    return typeof page === "number"
      ? new Response(null, { status: page })
      : new Response(null, { status: 302, headers: { location: page } });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    host,
    url: (path) => `http://${host}${path}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
