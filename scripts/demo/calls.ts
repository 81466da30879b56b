// The acts of the demo in which everything is allowed: calls, streams, a database, a hook chain.
import {
  type Document,
  expect,
  type LinkCheck,
  type Notes,
  type Stage,
  type WordCount,
} from "./stage.ts";

/** Counts the words of this project's own documents, then streams the lines of one. */
export async function countWords(stage: Stage, documents: readonly Document[]): Promise<void> {
  const { terminal, host } = stage;
  terminal.chapter("A plugin without any permission: word-count");
  const wordCount = host.plugin<WordCount>("word-count")!;

  const rows = [];
  for (const { path, text } of documents) {
    const counts = await wordCount.call("count", { text, top: 100 });
    expect(counts.words > 0 && counts.unique <= counts.words, `${path} has words`);
    const frequent = counts.top!.filter(({ word }) => word.length > 4).slice(0, 1);
    rows.push([
      path,
      counts.words,
      counts.lines,
      counts.characters,
      counts.unique,
      frequent.map(({ word }) => word).join(", "),
    ]);
  }
  terminal.table(["document", "words", "lines", "characters", "unique", "often"], rows);

  const { text } = documents[0]!;
  let seen = 0;
  let longest = { line: 0, characters: 0 };
  for await (const line of wordCount.stream("lines", { text })) {
    if (line.characters > longest.characters) longest = line;
    if (++seen === 20) break; // leaving the loop cancels the call in the plugin
  }
  expect(seen > 0, "lines were streamed");
  terminal.done(
    `streamed ${seen} lines of ${documents[0]!.path} and left the loop; the longest of them is ` +
      `line ${longest.line} with ${longest.characters} characters`,
  );
}

/** Keeps notes in a database that only the host opens. */
export async function keepNotes({ terminal, host }: Stage): Promise<void> {
  terminal.chapter("A plugin with a service of the host: notes and its database");
  const notes = host.plugin<Notes>("notes")!;

  await notes.call("add", { title: "Buy bread", body: "Rye, and two rolls", tags: ["home"] });
  const { id } = await notes.call("add", {
    title: "Renew the signing key",
    body: "It expires in March; the trust list needs the new one first",
    tags: ["work", "keys"],
  });
  const found = await notes.call("search", { query: "sign march" });
  expect(found.length === 1 && found[0]!.id === id, "the search finds the note about the key");
  terminal.done(`kept 2 notes; "sign march" finds "${found[0]!.title}": ${found[0]!.excerpt}`);

  const injection = "x'); DROP TABLE notes; --";
  await notes.call("add", { title: injection });
  const all = await notes.call("list");
  expect(all.length === 3 && all[0]!.title === injection, "SQL in a value stays a value");
  terminal.done(`a note called "${injection}" is one more note: ${all.length} in all`);

  const { removed } = await notes.call("remove", { id: all[0]!.id });
  expect(removed, "the note is removed");
}

/** Sends documents through two plugins: what the first returns is what the second gets. */
export async function chainHook(stage: Stage, documents: readonly Document[]): Promise<void> {
  const { terminal, host } = stage;
  terminal.chapter("A hook through two plugins: on_document");
  const order = host.hooks.list("on_document");
  terminal.say(order.map(({ owner, priority }) => `${owner} (${priority})`).join(" -> "));

  type Processed = Document & {
    counts?: { words: number };
    note?: { id: number; tags: string[] };
  };
  const rows = [];
  for (const document of documents) {
    const { path, counts, note } = await host.hooks.run<Processed>("on_document", document);
    expect(counts !== undefined && note !== undefined, `both plugins handled ${path}`);
    const size = note.tags.includes(counts.words < 1_000 ? "short" : "long");
    expect(size, "the second plugin used what the first one added");
    rows.push([path, counts.words, `note ${note.id}`, note.tags.join(", ")]);
  }
  terminal.table(["document", "words", "kept as", "tags by size and type"], rows);

  const found = await host.plugin<Notes>("notes")!.call("search", { query: "plugin", limit: 2 });
  expect(found.length > 0, "the documents can be searched");
  const { title, excerpt } = found[0]!;
  terminal.done(`a search for "plugin" now finds "${title}": ${excerpt}`);
}

/** Asks links on the one host that is granted; every other one is denied by Deno. */
export async function checkLinks({ terminal, host, site, elsewhere }: Stage): Promise<void> {
  terminal.chapter("A plugin with one host: link-check");
  terminal.say(`The policy grants ${site.host}, and nothing else.`);
  const linkCheck = host.plugin<LinkCheck>("link-check")!;

  const reports = await linkCheck.call("check", {
    urls: [
      site.url("/here"),
      site.url("/moved"),
      site.url("/gone"),
      elsewhere.url("/"),
      site.url("/away"),
    ],
  });
  terminal.table(
    ["link", "outcome", "why"],
    reports.map(({ url, outcome, redirects, reason = "" }) => [
      url,
      outcome,
      redirects.length === 0 ? reason : `by a redirect${reason === "" ? "" : `: ${reason}`}`,
    ]),
  );
  const outcomes = reports.map(({ outcome }) => outcome).join(" ");
  expect(outcomes === "ok ok broken denied denied", `the links fare as they should: ${outcomes}`);
  expect(elsewhere.requests.length === 0, "nothing reached the other site");
  terminal.done(
    `${site.requests.length} requests reached ${site.host}, 0 reached ${elsewhere.host}`,
  );
}
