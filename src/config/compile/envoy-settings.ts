/** The `envoy` section: what will be rendered, and whether its files can be used. */
import { readCertificates } from './certificate-files.js';
import type { LoadContext } from './context.js';
import { checkAddresses } from './envoy-addresses.js';
import { quote } from '../document/findings.js';
import { ListenerAuthorities } from './listener-authorities.js';
import { judgeListenerCertificate } from './listener-certificate.js';
import { isLoopback } from './loopback.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { AdminSettings, EnvoySettings } from '../settings.js';

type EnvoyInput = NonNullable<ConfigurationInput['envoy']>;

/** Compiles the section; faults are noted. `admin` is the verifier's own, whose port Envoy cannot have. */
export function compileEnvoy(input: EnvoyInput, admin: AdminSettings, context: LoadContext): EnvoySettings {
  checkAddresses(input, admin, context);
  const { certificateFile, privateKeyFile, clientCaFile, sdsDirectory } = input.tls;
  warnOfOpenUpstream(input, context);
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
    },
    accessLogPath: context.resolve(input.accessLog),
    flood: input.flood,
  };
}

/** What was verified leaves Envoy in plain HTTP. */
function warnOfOpenUpstream({ upstream }: EnvoyInput, { findings }: LoadContext): void {
  if (!isLoopback(upstream.address))
    findings.warn(
      ['envoy', 'upstream', 'address'],
      `verified requests go to ${quote(upstream.address)} in plain HTTP: whoever is on that network can read and change them, or call the application past the verifier`,
    );
}
