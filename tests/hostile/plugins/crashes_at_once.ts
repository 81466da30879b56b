// RP-30: is gone as soon as it is ready.
export default {
  init() {
    setTimeout(() => Deno.exit(1), 20);
  },
  methods: { echo: (value: unknown) => value },
};
