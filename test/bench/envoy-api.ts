/** Envoy's full ext_authz definitions, as whoever writes an ext_authz server loads them. */
import { join } from 'node:path';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';

/** Everything that `external_auth.proto` imports comes with this development dependency. */
const FOLDERS = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((folder) =>
  join('node_modules/@grpc/grpc-js-xds/deps', folder),
);

/** With the options of gRPC's own tutorial for Node, which is how such servers begin. Run from the repository's root. */
export function loadEnvoyApi(): PackageDefinition {
  return loadSync('envoy/service/auth/v3/external_auth.proto', {
    includeDirs: FOLDERS,
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
}
