// PR-04–08: does all that it can to outlive whoever wants it to end.
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) Deno.addSignalListener(name, () => {});
addEventListener("beforeunload", (event) => event.preventDefault());
addEventListener("unload", () => {
  while (true);
});
setInterval(() => {}, 1_000);

export default {
  methods: {
    ping: () => "pong",
    stop: () => {
      Deno.kill(Deno.pid, "SIGSTOP");
      return new Promise(() => {});
    },
    spin: () => {
      while (true);
    },
  },
  shutdown() {
    while (true);
  },
};
