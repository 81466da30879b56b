// RE-14, RP-23: its import never settles.
await new Promise(() => setInterval(() => {}, 1_000));

export default {};
