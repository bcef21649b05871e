/** Where the verifier listens: the path of its socket, and whether the TCP listener may be open as it is described. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { quoteText } from '../../json/escape-text.js';
import type { Secret } from '../../storage/redis/settings.js';
import type { TcpInput } from '../schema/listen.js';
import type { ConfigurationInput } from '../schema/schema.js';
import {
  workerSocketPaths,
  type ListenSettings,
  type TcpListenSettings,
  type TcpTlsSettings,
} from '../settings.js';
import { isLoopback } from './addresses.js';
import { readAuthorities, readCertificates } from './certificates.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { directoryFault } from './writable-paths.js';

/** `sun_path` of Linux holds 108 bytes, the last of them 0 (unix(7)). */
const maxSocketPathBytes = 107;
const MAX_PORT = 65_535;
const MAX_SECRETS = 2;
const SECRET = /^[\x21-\x7e]{32,256}$/;

/** Compiles `listen`; faults are noted. */
export function compileListen(input: ConfigurationInput, workers: number, load: LoadContext): ListenSettings {
  const { listen } = input;
  const node = load.at('listen', 'socket');
  const socketPath = load.resolve(listen.socket);
  const paths = workerSocketPaths({ listen: { socketPath }, workers });
  const bytes = Math.max(...paths.map((path) => Buffer.byteLength(path)));
  if (bytes > maxSocketPathBytes)
    node.problem(
      `is ${bytes} bytes long as an absolute path, and the system takes ${maxSocketPathBytes}`,
      'choose a shorter path, such as /run/countersign/verifier.sock',
    );
  node.noteFaultOfPlace(() => directoryFault(dirname(socketPath)));
  const { extProcVerify } = listen;
  if (listen.tcp === undefined) return { socketPath, extProcVerify };
  const tcp = load.at('listen', 'tcp');
  judgePorts(listen.tcp.port, workers, input, tcp.at('port'));
  return { socketPath, extProcVerify, tcp: compileTcp(listen.tcp, tcp) };
}

function compileTcp(input: TcpInput, node: ConfigurationNode): TcpListenSettings {
  const { host, port, tls, sharedSecretFile, sharedSecretHeader: secretHeader } = input;
  judgeOpenness(input, node);
  const secrets =
    sharedSecretFile === undefined ? [] : readSecrets(sharedSecretFile, node.at('sharedSecretFile'));
  return { host, port, tls: tls && compileTls(tls, node.at('tls')), secretHeader, secrets };
}

/** Whoever reaches the port could ask for decisions and use up nonces. */
function judgeOpenness({ host, tls, sharedSecretFile }: TcpInput, node: ConfigurationNode): void {
  if (isIP(host) === 0)
    node.at('host').problem(`${quoteText(host)} is no IP address`, 'write one, such as 127.0.0.1 or ::1');
  else if (tls === undefined && !isLoopback(host))
    node
      .at('host')
      .problem(
        `${quoteText(host)} is not loopback, and without tls whoever is on that network could read the secret and every request`,
        'add tls, or write 127.0.0.1 or ::1',
      );
  if (tls === undefined && sharedSecretFile === undefined)
    node.problem(
      'is open to every process of this machine',
      'add tls with the names of its clients, or sharedSecretFile',
    );
}

/** Each worker has a port, and none of them is somebody else's. */
function judgePorts(port: number, workers: number, input: ConfigurationInput, node: ConfigurationNode): void {
  const last = port + workers - 1;
  if (last > MAX_PORT)
    node.problem(
      `leaves no port for each of ${workers} workers, which count up from it`,
      `choose one up to ${MAX_PORT - workers + 1}`,
    );
  const { admin, metrics, envoy } = input;
  const others = [
    ['admin', admin.port],
    ['metrics', metrics?.port],
    ['envoy.listener', envoy?.listener.port],
    ['envoy.health', envoy?.health?.port],
    ['envoy.admin', envoy?.admin.port],
  ] as const;
  for (const [name, other] of others)
    if (other !== undefined && other >= port && other <= last)
      node.problem(
        last === port
          ? `is also the port of ${name}`
          : `and those of the other workers, up to ${last}, include the port of ${name}`,
        'give each a port of its own',
      );
}

/** Undefined with the problems noted. */
function compileTls(
  { certificateFile, privateKeyFile, clientCaFile, clientNames }: NonNullable<TcpInput['tls']>,
  node: ConfigurationNode,
): TcpTlsSettings | undefined {
  const chain = readCertificates(certificateFile, node.at('certificateFile'));
  if (chain !== undefined) judgeTls(pemOf(chain), node.at('certificateFile'));
  const authorities = readAuthorities(clientCaFile, node.at('clientCaFile'));
  const key = readTlsKey(privateKeyFile, node.at('privateKeyFile'));
  if (chain !== undefined && key !== undefined && chain[0]?.checkPrivateKey(key) !== true)
    node
      .at('privateKeyFile')
      .problem(
        'is not the key of the first certificate in certificateFile',
        'name the key that it was issued for, and put the certificate of the verifier first',
      );
  if (chain === undefined || authorities === undefined || key === undefined) return undefined;
  const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    certificate: pemOf(chain),
    privateKey: () => pem,
    clientAuthority: pemOf(authorities),
    clientNames: clientNames.map((name) => (name.includes('://') ? name : name.toLowerCase())),
  };
}

/**
 * A key that is too short, or a digest that is too old, only OpenSSL knows by its security level: met by the listener, it
 * would keep the process from starting, or end it at a reload. Also where the private key is not here. The ciphers are said so that no environment says the level.
 */
function judgeTls(cert: string, node: ConfigurationNode): void {
  try {
    createSecureContext({ cert, ciphers: 'DEFAULT' });
  } catch (error) {
    const reason = /[^:]*$/.exec((error as Error).message)?.[0] ?? '';
    node.problem(
      `is not taken by TLS: ${quoteText(reason)}`,
      'issue one for ECDSA on P-256, or for RSA of 2048 bits, signed with SHA-256',
    );
  }
}

function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map(String).join('');
}

function readTlsKey(file: string, node: ConfigurationNode): KeyObject | undefined {
  const bytes = readSecretBytes(file, node);
  if (bytes === undefined) return undefined;
  try {
    return createPrivateKey(bytes);
  } catch {
    node.fileProblem(
      file,
      'is not a private key in PEM without a passphrase',
      'name the PEM file of the key; openssl pkey -in FILE -out NEW removes a passphrase',
    );
    return undefined;
  } finally {
    bytes.fill(0);
  }
}

function readSecrets(file: string, node: ConfigurationNode): readonly Secret[] {
  const bytes = readSecretBytes(file, node);
  if (bytes === undefined) return [];
  const lines = bytes
    .toString('latin1')
    .split(/\r?\n/)
    .filter((line) => line !== '');
  bytes.fill(0);
  if (lines.length === 0 || lines.length > MAX_SECRETS || !lines.every((line) => SECRET.test(line)))
    node.fileProblem(
      file,
      'holds no shared secret: one is 32 to 256 visible ASCII characters in a line of its own, and there are one or two',
      'write a new one: openssl rand -hex 32 > FILE, at mode 0600',
    );
  return lines.map((line) => () => line);
}

/** Undefined with the problem noted. Who gets the bytes wipes them. */
function readSecretBytes(file: string, node: ConfigurationNode): Buffer | undefined {
  const read = node.load.readSecret(file);
  if (read.ok) return read.bytes;
  const isOpen = read.reason === 'open-to-others';
  node.fileProblem(file, isOpen ? 'holds a secret that other users can get at' : read.message, read.remedy);
  return undefined;
}
