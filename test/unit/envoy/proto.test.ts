import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import protobuf from 'protobufjs';

const ours = [
  'envoy/service/auth/v3/external_auth.proto',
  'envoy/service/auth/v3/attribute_context.proto',
  'envoy/service/ext_proc/v3/external_processor.proto',
  'envoy/service/accesslog/v3/als.proto',
  'envoy/data/accesslog/v3/accesslog.proto',
  'envoy/config/core/v3/address.proto',
  'envoy/extensions/filters/http/ext_proc/v3/processing_mode.proto',
  'envoy/config/core/v3/base.proto',
  'envoy/type/v3/http_status.proto',
  'google/rpc/status.proto',
];
const full = ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate'].map((folder) =>
  join('node_modules/@grpc/grpc-js-xds/deps', folder),
);

/** Loads `files` from the first of `folders` that has each; well-known types come with protobufjs. */
function load(files: string[], folders: string[]): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => {
    if (protobuf.common.get(target) !== null) return target;
    return folders.map((folder) => join(folder, target)).find((path) => existsSync(path)) ?? null;
  };
  root.loadSync(files, { keepCase: true });
  root.resolveAll();
  return root;
}

function nested(namespace: protobuf.NamespaceBase): protobuf.ReflectionObject[] {
  return namespace.nestedArray.flatMap((child) => [
    child,
    ...(child instanceof protobuf.Namespace ? nested(child) : []),
  ]);
}

/** A name that both sides share; the well-known types are the library's own on both. */
function shape(field: protobuf.Field): Record<string, unknown> {
  return {
    name: field.name,
    number: field.id,
    type: field.resolvedType?.fullName ?? field.type,
    repeated: field.repeated,
    mapKey: field instanceof protobuf.MapField ? field.keyType : null,
    oneof: field.partOf?.name ?? null,
  };
}

/** Younger than the full definitions that we have: held against the numbers that Envoy 1.36 and 1.40 were seen to send. */
const YOUNGER = new Map([
  ['.envoy.service.ext_proc.v3.ProcessingRequest.protocol_config', 11],
  ['.envoy.service.ext_proc.v3.ProtocolConfiguration.request_body_mode', 1],
  ['.envoy.service.ext_proc.v3.ProtocolConfiguration.response_body_mode', 2],
]);

const trimmed = load(ours, ['proto']);
const reference = load(ours, full);
const definitions = nested(trimmed).filter((item) => !item.fullName.startsWith('.google.protobuf'));
const messages = definitions.filter((item): item is protobuf.Type => item instanceof protobuf.Type);
const fields = messages.flatMap((type) => type.fieldsArray);
const enums = definitions.filter((item): item is protobuf.Enum => item instanceof protobuf.Enum);

describe('our trimmed definitions against the full ones of Envoy', () => {
  it('covers both requests and answers', () => {
    expect(messages.length).toBeGreaterThanOrEqual(27);
    expect(fields.length).toBeGreaterThanOrEqual(70);
  });

  it.each(
    fields.filter((field) => !YOUNGER.has(field.fullName)).map((field) => [field.fullName, field] as const),
  )('%s is the same field', (_name, field) => {
    const parent = reference.lookupType(field.parent!.fullName);
    expect(shape(field)).toEqual(shape(parent.fields[field.name]!));
  });

  it.each([...YOUNGER])('%s, which is younger than the full ones, is field %i', (name, number) => {
    expect(fields.find((field) => field.fullName === name)?.id).toBe(number);
    expect(reference.lookup(name)).toBeNull();
  });

  it.each(enums.map((item) => [item.fullName, item] as const))('%s has the same values', (name, item) => {
    expect(reference.lookupEnum(name).values).toMatchObject(item.values);
  });

  it('keeps every member of a oneof', () => {
    for (const oneof of messages.flatMap((type) => type.oneofsArray)) {
      const other = reference.lookupType(oneof.parent!.fullName).oneofs[oneof.name]!;
      expect([...oneof.oneof].sort()).toEqual([...other.oneof].sort());
    }
  });

  it.each([
    ['envoy.service.auth.v3.Authorization', 'Check'],
    ['envoy.service.ext_proc.v3.ExternalProcessor', 'Process'],
  ])('offers the same method at the same path: %s/%s', (name, method) => {
    const [our, their] = [trimmed, reference].map((root) => root.lookupService(name).methods[method]!);
    const signature = (method: protobuf.Method) => [
      method.resolvedRequestType?.fullName,
      method.resolvedResponseType?.fullName,
      method.requestStream ?? false,
      method.responseStream ?? false,
    ];
    expect(signature(our!)).toEqual(signature(their!));
  });
});

describe('our definitions through the loader that the server uses', () => {
  const client = (file: string) => grpc.loadPackageDefinition(loadSync(file, { includeDirs: ['proto'] }));
  const methods = (file: string, path: string[]) => {
    let item: unknown = client(file);
    for (const part of path) item = (item as Record<string, unknown>)[part];
    return Object.values((item as grpc.ServiceClientConstructor).service).map((method) => [
      method.path,
      method.responseStream,
    ]);
  };

  it('gives the path that Envoy calls', () => {
    const file = 'envoy/service/auth/v3/external_auth.proto';
    expect(methods(file, ['envoy', 'service', 'auth', 'v3', 'Authorization'])).toEqual([
      ['/envoy.service.auth.v3.Authorization/Check', false],
    ]);
  });

  it('gives the three methods of gRPC health', () => {
    expect(methods('grpc/health/v1/health.proto', ['grpc', 'health', 'v1', 'Health'])).toEqual([
      ['/grpc.health.v1.Health/Check', false],
      ['/grpc.health.v1.Health/List', false],
      ['/grpc.health.v1.Health/Watch', true],
    ]);
  });
});

// No npm package that we use carries health.proto: these are the numbers of the published standard.
describe('gRPC health v1', () => {
  const root = load(['grpc/health/v1/health.proto'], ['proto']);

  it.each([
    ['grpc.health.v1.HealthCheckRequest', 'service', 1, 'string'],
    ['grpc.health.v1.HealthCheckResponse', 'status', 1, '.grpc.health.v1.HealthCheckResponse.ServingStatus'],
    ['grpc.health.v1.HealthListResponse', 'statuses', 1, '.grpc.health.v1.HealthCheckResponse'],
  ])('%s.%s is field %i of type %s', (type, name, number, fieldType) => {
    expect(shape(root.lookupType(type).fields[name]!)).toMatchObject({ number, type: fieldType });
  });

  it('numbers the serving states as the standard does', () => {
    expect(root.lookupEnum('grpc.health.v1.HealthCheckResponse.ServingStatus').values).toEqual({
      UNKNOWN: 0,
      SERVING: 1,
      NOT_SERVING: 2,
      SERVICE_UNKNOWN: 3,
    });
  });
});
