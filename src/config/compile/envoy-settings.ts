/** The `envoy` section: what will be rendered, and whether its files can be used. */
import { readCertificates } from './certificate-files.js';
import type { LoadContext } from './context.js';
import { checkAddresses } from './envoy-addresses.js';
import { quote } from '../document/findings.js';
import { ListenerAuthorities } from './listener-authorities.js';
import { judgeListenerCertificate } from './listener-certificate.js';
import { isLoopback } from './loopback.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { EnvoySettings } from '../settings.js';

type EnvoyInput = NonNullable<ConfigurationInput['envoy']>;

/** Compiles the section; faults are noted. Of the rest of the file it needs what Envoy has to agree with. */
export function compileEnvoy(
  input: EnvoyInput,
  whole: ConfigurationInput,
  context: LoadContext,
): EnvoySettings {
  checkAddresses(input, whole.admin, context);
  const { certificateFile, privateKeyFile, clientCaFile, sdsDirectory, clientCertificate } = input.tls;
  warnOfOpenUpstream(input, context);
  if (clientCertificate === 'optional') judgeOptionalCertificate(whole, context);
  const chain = readCertificates(certificateFile, ['envoy', 'tls', 'certificateFile'], context);
  judgeListenerCertificate(chain, privateKeyFile, context);
  const authorities = readCertificates(clientCaFile, ['envoy', 'tls', 'clientCaFile'], context);
  if (authorities !== undefined) context.listenerAuthorities = new ListenerAuthorities(authorities);
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
      clientCertificate,
    },
    accessLogPath: context.resolve(input.accessLog),
    flood: input.flood,
  };
}

/** Without a certificate a client has to be nobody: no header may say who it is, and what is open to it is declared. */
function judgeOptionalCertificate(whole: ConfigurationInput, { findings }: LoadContext): void {
  const path = ['envoy', 'tls', 'clientCertificate'];
  if (whole.forwardedClientCert === 'trusted-hop')
    findings.problem(
      path,
      'is optional, and forwardedClientCert believes a header where there is no certificate: any client could write it',
      'set it to required, or remove forwardedClientCert',
    );
  if (whole.policies.every(({ passThrough }) => passThrough === undefined))
    findings.warn(
      path,
      'is optional, and no policy has passThrough: whoever comes without a certificate is refused everywhere',
    );
}

/** What was verified leaves Envoy in plain HTTP. */
function warnOfOpenUpstream({ upstream }: EnvoyInput, { findings }: LoadContext): void {
  if (!isLoopback(upstream.address))
    findings.warn(
      ['envoy', 'upstream', 'address'],
      `verified requests go to ${quote(upstream.address)} in plain HTTP: whoever is on that network can read and change them, or call the application past the verifier`,
    );
}
