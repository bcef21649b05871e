/** The `envoy` section: what will be rendered, and whether its files can be used. */
import { X509Certificate } from 'node:crypto';
import type { LoadContext } from './context.js';
import { checkAddresses } from './envoy-addresses.js';
import type { ConfigurationInput } from './schema.js';
import type { AdminSettings, EnvoySettings } from './settings.js';
import { checkPrivateKeyFile } from './private-key-file.js';

type EnvoyInput = NonNullable<ConfigurationInput['envoy']>;

/** Compiles the section; faults are noted. `admin` is the verifier's own, whose port Envoy cannot have. */
export function compileEnvoy(input: EnvoyInput, admin: AdminSettings, context: LoadContext): EnvoySettings {
  checkAddresses(input, admin, context);
  const { certificateFile, privateKeyFile, clientCaFile, sdsDirectory } = input.tls;
  checkCertificates('certificateFile', certificateFile, context);
  checkCertificates('clientCaFile', clientCaFile, context);
  checkPrivateKey(context.resolve(privateKeyFile), context);
  return {
    listener: input.listener,
    health: input.health,
    admin: input.admin,
    upstream: input.upstream,
    tls: {
      certificateFile: context.resolve(certificateFile),
      privateKeyFile: context.resolve(privateKeyFile),
      clientCaFile: context.resolve(clientCaFile),
      sdsDirectory: context.resolve(sdsDirectory),
    },
    accessLogPath: context.resolve(input.accessLog),
    flood: input.flood,
  };
}

/** A chain or a bundle is fine here; an expired first certificate is a warning, as a reload may be its renewal. */
function checkCertificates(
  key: 'certificateFile' | 'clientCaFile',
  file: string,
  context: LoadContext,
): void {
  const path = ['envoy', 'tls', key];
  const bytes = context.readCertificateFile(file, path);
  if (bytes === undefined) return;
  try {
    const certificate = new X509Certificate(bytes);
    if (Date.parse(certificate.validTo) < context.nowMs)
      context.findings.warn(path, 'this certificate has expired');
  } catch {
    context.findings.problem(path, 'is not an X.509 certificate', 'name a file of PEM certificates');
  }
}

/** Envoy alone reads it. Where the two are apart, as in the containers of a pod, the verifier has no such file. */
function checkPrivateKey(file: string, context: LoadContext): void {
  const path = ['envoy', 'tls', 'privateKeyFile'];
  const result = checkPrivateKeyFile(file);
  if (result.ok) return;
  if (result.reason === 'missing')
    context.findings.warn(path, `the file ${file} does not exist here; Envoy needs it where it runs`);
  else context.findings.problem(path, `the file ${file} ${result.message}`, result.remedy);
}
