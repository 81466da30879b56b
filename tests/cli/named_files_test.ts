import assert from "node:assert/strict";
import { scratch, signedBundle } from "./bundles.ts";
import { done, failed, inProcess, sallyport } from "./sallyport.ts";

const ignore = Deno.build.os === "windows";

async function mkfifo(path: string): Promise<string> {
  assert.ok((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
  return path;
}

Deno.test({
  name: "a named pipe is refused at once by every option that names a file",
  ignore,
  async fn() {
    await using dir = await scratch();
    const { dir: bundle, key, pub } = await signedBundle(dir.path);
    const pipe = await mkfifo(`${dir.path}/pipe`);
    const run = ["run", bundle, "--call", "nothing"];
    const list = `${dir.path}/trust.list`;
    const listKey = `${dir.path}/list.key`;
    done(await inProcess(["trust", "init", list, "--new-key-file", listKey]));
    for (
      const args of [
        [...run, "--key", pipe],
        [...run, "--key", pub, "--policy", pipe],
        [...run, "--key", pub, "--params", `@${pipe}`],
        [...run, "--key", pub, "--data-dir", pipe],
        [...run, "--trust-list", pipe, "--key-file", listKey],
        [...run, "--trust-list", list, "--key-file", pipe],
        [...run, "--trust-list", list, "--passphrase-file", pipe],
        ["run", pipe, "--key", pub, "--call", "nothing"],
        ["verify", bundle, "--key", pipe],
        ["inspect", bundle, "--key", pub, "--policy", pipe],
        ["hash", pipe],
        ["sign", bundle, "--key", pipe],
        ["sign", bundle, "--key", key, "--passphrase-file", pipe],
        ["keygen", "other", "--dir", dir.path, "--seal", "--passphrase-file", pipe],
        ["trust", "list", pipe, "--key-file", listKey],
        ["trust", "list", list, "--key-file", pipe],
        ["trust", "add", list, "--key-file", listKey, "--key", pipe],
        ["trust", "init", `${dir.path}/new.list`, "--key-file", pipe],
      ]
    ) {
      const { message, hint } = failed(await inProcess([...args, "--json"]), codeOf(args));
      assert.match(
        message,
        /not a regular file|is not a folder|Not a directory|File exists/,
        args.join(" "),
      );
      if (/^Cannot read (?:the|key|passphrase) /.test(message)) {
        assert.match(hint, /regular file/, message);
      }
    }
    // the control: the same files where they are files
    done(await inProcess([...run, "--key", pub, "--isolation", "plain"]));
    done(await inProcess(["trust", "add", list, "--key-file", listKey, "--key", pub]));
  },
});

/** A bundle that is none has a code of its own. */
function codeOf([command, first]: string[]): string {
  return first!.endsWith("/pipe") && ["run", "hash"].includes(command!)
    ? "bundle-invalid"
    : "bad-config";
}

Deno.test({
  name: "a policy, key or trust list that others may change is warned of, wherever it is open",
  ignore,
  async fn() {
    await using dir = await scratch();
    const { dir: bundle, pub } = await signedBundle(dir.path);
    const policy = `${dir.path}/policy.json`;
    await Deno.writeTextFile(policy, "{}");
    const list = `${dir.path}/trust.list`;
    const secret = ["--key-file", `${dir.path}/list.key`];
    done(await inProcess(["trust", "init", list, "--new-key-file", secret[1]!]));
    done(await inProcess(["trust", "add", list, ...secret, "--key", pub]));
    const stderr = async (...args: string[]) => {
      const outcome = await inProcess(["verify", bundle, "--isolation", "plain", ...args]);
      done(outcome);
      return outcome.stderr;
    };
    const byKey = ["--key", pub, "--policy", policy];
    const byList = ["--trust-list", list, ...secret];
    assert.equal(await stderr(...byKey), "");
    assert.equal(await stderr(...byList), "");
    await Deno.chmod(policy, 0o666);
    await Deno.chmod(list, 0o602);
    const [first] = (await stderr(...byKey)).split("\n");
    assert.match(
      first!,
      /^\[sallyport\] warn: Others may change the policy .*"0666"/,
    );
    assert.match(
      await stderr(...byList),
      /may change the trust list .*\n {2}hint: Run chmod o-w on that path\n/,
    );
    await Deno.chmod(`${dir.path}/keys`, 0o777);
    assert.match(await stderr(...byKey), /may change a trusted key .*keys".*"everybody"/);
    const shown = await inProcess(["trust", "list", list, ...secret]);
    assert.match(shown.stderr, /others may change the trust list: everybody may write .*chmod o-w/);
    const made = await inProcess(["keygen", "other", "--dir", `${dir.path}/keys`]);
    assert.match(made.stderr, /others may change the private key: everybody may write .*keys"/);
    const signed = await inProcess(["sign", bundle, "--key", `${dir.path}/keys/author.key`]);
    assert.match(signed.stderr, /others may change the private key: .*keys" \(mode 0777\)/);
  },
});

Deno.test({
  name: "what a command reads may come from a pipe of the shell, or from stdin",
  ignore,
  async fn() {
    await using dir = await scratch();
    const { dir: bundle, pub } = await signedBundle(dir.path);
    const list = `${dir.path}/trust.list`;
    const secret = "five words make a phrase";
    const made = ["trust", "init", list, "--passphrase-file", "-"];
    done(await sallyport(made, { stdin: `${secret}\n` }));
    done(
      await sallyport(["trust", "add", list, "--key", pub, "--passphrase-file", "/dev/stdin"], {
        stdin: secret,
        env: {},
      }),
    );
    const { args } = commandLine([
      "run",
      bundle,
      "--call",
      "count",
      "--isolation",
      "plain",
      "--trust-list",
      list,
      "--json",
    ]);
    const script = `"$0" "$@" --passphrase-file <(printf '${secret}') --policy <(echo '{}') \\
      --params @<(sleep 0.1; echo '{"text":"a b"}')`;
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", script, Deno.execPath(), ...args],
    }).output();
    assert.equal(
      new TextDecoder().decode(stdout),
      '{"result":{"words":2}}\n',
      new TextDecoder().decode(stderr),
    );
    const twice = ["run", bundle, "--call", "count", "--trust-list", list, "--json"];
    const { message } = failed(
      await sallyport([...twice, "--passphrase-file", "-", "--params", "-"], { stdin: secret }),
      "usage",
      2,
    );
    assert.match(message, /Cannot read the parameters from stdin: it has the passphrase/);
  },
});

Deno.test({
  name: "a command that waits for a pipe that never ends is ended by SIGTERM",
  ignore: Deno.build.os !== "linux", // it is told by /proc when the command reads
  async fn() {
    await using dir = await scratch();
    const { dir: bundle, pub } = await signedBundle(dir.path);
    const writer = `${dir.path}/writer`;
    const { args } = commandLine(["run", bundle, "--call", "nothing", "--key", pub, "--json"]);
    const script = `exec "$0" "$@" --policy <(echo $BASHPID > '${writer}'; exec sleep 60)`;
    const child = new Deno.Command("bash", {
      args: ["-c", script, Deno.execPath(), ...args],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const ended = child.output();
    await readsItsPipe(child.pid);
    child.kill("SIGTERM");
    const { code, stdout } = await ended;
    Deno.kill(Number(await Deno.readTextFile(writer)), "SIGKILL");
    assert.equal(code, 130);
    assert.equal(JSON.parse(new TextDecoder().decode(stdout)).error.code, "cancelled");
  },
});

/** Waits until a process has opened the pipe that its shell has given it once more, to read it. */
async function readsItsPipe(pid: number): Promise<void> {
  const fds = `/proc/${pid}/fd`;
  for (;;) {
    const links = [...Deno.readDirSync(fds)].map(({ name }) => {
      try {
        return [name, Deno.readLinkSync(`${fds}/${name}`)];
      } catch {
        return [name, ""]; // closed meanwhile
      }
    });
    const isShell = Deno.readTextFileSync(`/proc/${pid}/comm`).trim() === "bash";
    const given = links.find(([name]) => name === "63")?.[1];
    if (!isShell && given && links.filter(([, link]) => link === given).length > 1) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The arguments that `command()` gives the runtime. */
function commandLine(args: string[]): { args: string[] } {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  return { args: ["run", "-A", "--no-lock", main, ...args] };
}
