// RP-25: has no end.
export default {
  methods: { ping: () => "pong" },
  shutdown: () => new Promise(() => setInterval(() => {}, 1_000)),
};
