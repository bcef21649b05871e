/** The `envoy` section: what will be rendered, and whether its files can be used. */
import { isIP } from 'node:net';
import { readCertificates } from './certificate-files.js';
import type { LoadContext } from './context.js';
import { quote } from './findings.js';
import { ListenerAuthorities } from './listener-authorities.js';
import { judgeListenerCertificate } from './listener-certificate.js';
import { isLoopback } from './loopback.js';
import type { ConfigurationInput } from './schema.js';
import type { AdminSettings, EnvoySettings } from './settings.js';

type EnvoyInput = NonNullable<ConfigurationInput['envoy']>;

/** Compiles the section; faults are noted. `admin` is the verifier's own, whose port Envoy cannot have. */
export function compileEnvoy(input: EnvoyInput, admin: AdminSettings, context: LoadContext): EnvoySettings {
  refuseSharedPorts(input, admin, context);
  const { certificateFile, privateKeyFile, clientCaFile, sdsDirectory } = input.tls;
  refuseHostNames(input, context);
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

function refuseSharedPorts(input: EnvoyInput, admin: AdminSettings, context: LoadContext): void {
  const seen = new Map([[`${admin.host} ${admin.port}`, 'admin']]);
  for (const key of ['listener', 'health', 'admin', 'upstream'] as const) {
    const endpoint = input[key];
    if (endpoint === undefined) continue;
    const place = `${endpoint.address} ${endpoint.port}`;
    const other = seen.get(place);
    if (other !== undefined)
      context.findings.problem(
        ['envoy', key, 'port'],
        `is also the port of ${other}`,
        'give each a port of its own',
      );
    seen.set(place, `envoy.${key}`);
  }
}

/** Envoy looks names up where it connects, and not where it listens. */
function refuseHostNames(input: EnvoyInput, { findings }: LoadContext): void {
  for (const key of ['listener', 'health', 'admin'] as const) {
    const address = input[key]?.address;
    if (address !== undefined && !isListenerAddress(address))
      findings.problem(
        ['envoy', key, 'address'],
        `is the host name ${quote(address)}, and Envoy listens on IP addresses alone`,
        'give the address: 0.0.0.0 or :: for all, 127.0.0.1 or ::1 for this machine',
      );
  }
}

/** Whether Envoy can listen there. */
export function isListenerAddress(address: string): boolean {
  return isIP(address) !== 0;
}

/** What was verified leaves Envoy in plain HTTP. */
function warnOfOpenUpstream({ upstream }: EnvoyInput, { findings }: LoadContext): void {
  if (!isLoopback(upstream.address))
    findings.warn(
      ['envoy', 'upstream', 'address'],
      `verified requests go to ${quote(upstream.address)} in plain HTTP: whoever is on that network can read and change them, or call the application past the verifier`,
    );
}
