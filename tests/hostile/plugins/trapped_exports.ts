// RE-14–16: whoever touches what it exports is in for something.
const trap = (): never => {
  throw new Error("trapped");
};

export function then(): void {}
export default {
  get methods() {
    return new Proxy({ echo: (value: unknown) => value }, { ownKeys: trap, get: trap });
  },
  get hooks() {
    return trap();
  },
};
