/** Envoy's full API definitions, as an npm package carries them: what our own trimmed ones and our codecs are held against. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
// Brings descriptor.proto, which Envoy's annotations extend, among the well-known types.
import '@grpc/proto-loader';
import protobuf from 'protobufjs';

const folders = ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate'].map((folder) =>
  join('node_modules/@grpc/grpc-js-xds/deps', folder),
);

/** One file of them and whatever it imports, field names as they are written there. */
export function loadEnvoyDefinitions(file: string): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => {
    if (protobuf.common.get(target) !== null) return target;
    return folders.map((folder) => join(folder, target)).find((path) => existsSync(path)) ?? null;
  };
  root.loadSync(file, { keepCase: true });
  root.resolveAll();
  return root;
}
