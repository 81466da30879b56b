/// <reference lib="deno.worker" />
// Runs what it is sent.
self.onmessage = async ({ data: { source, argument } }) => {
  try {
    const act = new Function(`return (${source})`)() as (argument: unknown) => unknown;
    self.postMessage({ value: await act(argument) });
  } catch (error) {
    const { name, message } = error as Error;
    self.postMessage({ error: new Error(`${name}: ${message}`) });
  }
};
