interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

const scope = self as unknown as WorkerScope;
scope.onmessage = ({ data: { id, params } }) => {
  const transfer = params instanceof Uint8Array ? [params.buffer as ArrayBuffer] : [];
  scope.postMessage({ id, result: params }, transfer);
};
