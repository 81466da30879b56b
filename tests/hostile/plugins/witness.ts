/** Behaves well, and must not notice anything of what the others do. */
export default { methods: { echo: (value: unknown) => value } };
