import { spawn } from 'node:child_process';
import { rmSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { sendSigned, type SendOptions, type SendOutcome } from '../../../src/client/index.js';
import { reply, startGatewayDouble, type GatewayDouble } from './gateway-double.js';
import { clientTls, makeTlsFiles, type TlsFiles } from './tls-files.js';

let files: TlsFiles;
let gateway: GatewayDouble;

beforeAll(async () => {
  files = makeTlsFiles();
  gateway = await startGatewayDouble(files);
});
afterAll(async () => {
  await gateway.close();
  rmSync(files.directory, { recursive: true });
});
beforeEach(() => {
  gateway.seen.length = 0;
  gateway.answer = reply(202, { accepted: true });
});

function send(changes: Partial<SendOptions> = {}): Promise<SendOutcome> {
  const body = Buffer.from('{"n": 1.0}\r\n');
  const tls = clientTls(files.client, files.ca);
  return sendSigned({ url: gateway.url, headers: { 'x-test': 'yes' }, body, tls, ...changes });
}

function failureOf(outcome: SendOutcome): object {
  return outcome.kind === 'failed' ? outcome.failure : { unexpected: outcome };
}

/** A TCP server that does with each connection what it is told. */
async function onTcpServer(
  behave: Parameters<typeof createServer>[1],
  run: (port: number) => Promise<void>,
): Promise<void> {
  const server: Server = createServer({}, behave);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

/** openssl's own server, as it says with an alert what it thinks of a client certificate. */
async function onOpensslServer(tlsFiles: TlsFiles, run: (port: number) => Promise<void>): Promise<void> {
  const { server: party, ca } = tlsFiles;
  const server = spawn('openssl', [
    ...['s_server', '-accept', '0', '-Verify', '2', '-verify_return_error', '-CAfile', ca.certificateFile],
    ...['-cert', party.certificateFile, '-key', party.keyFile],
  ]);
  try {
    await run(await portOf(server.stdout));
  } finally {
    server.kill();
  }
}

async function portOf(output: NodeJS.ReadableStream): Promise<number> {
  let text = '';
  for await (const chunk of output) {
    text += String(chunk);
    const port = /ACCEPT .*:([0-9]+)\n/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`openssl s_server does not listen: ${text}`);
}

describe('sendSigned', () => {
  it('sends the bytes untouched, with their length and not chunked', async () => {
    const outcome = await send();
    expect(outcome).toMatchObject({ kind: 'answered', accepted: true, answer: { status: 202 } });
    expect(gateway.seen).toHaveLength(1);
    expect(gateway.seen[0]).toMatchObject({ method: 'POST', url: '/internal/v1/telemetry' });
    expect(gateway.seen[0]?.body.toString()).toBe('{"n": 1.0}\r\n');
    expect(gateway.seen[0]?.headers).toMatchObject({ 'content-length': '12', 'x-test': 'yes' });
    expect(gateway.seen[0]?.headers['transfer-encoding']).toBeUndefined();
  });

  it('says content-length 0 for an empty POST, and none for a GET', async () => {
    await send({ body: new Uint8Array(0) });
    await send({ body: new Uint8Array(0), method: 'GET' });
    expect(gateway.seen.map(({ headers }) => headers['content-length'])).toEqual(['0', undefined]);
  });

  it('gives a refusal as an answer that is not accepted, with its headers', async () => {
    gateway.answer = reply(429, { errors: [] }, { 'retry-after': '7' });
    const outcome = await send();
    expect(outcome).toMatchObject({ kind: 'answered', accepted: false, answer: { status: 429 } });
    expect(outcome.kind === 'answered' && outcome.answer.headers.get('retry-after')).toBe('7');
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %i', async (status) => {
    gateway.answer = reply(status, '', { location: gateway.url });
    expect(failureOf(await send())).toEqual({ code: 'redirected', status, location: gateway.url });
    expect(gateway.seen).toHaveLength(1);
  });

  it('does not trust a server of another CA', async () => {
    const failure = failureOf(await send({ tls: clientTls(files.client, files.otherCa) }));
    expect(failure).toMatchObject({ code: 'server_not_trusted' });
    expect(gateway.seen).toHaveLength(0);
  });

  it('does not trust a server of another name', async () => {
    const url = gateway.url.replace('localhost', '127.0.0.1');
    expect(failureOf(await send({ url }))).toEqual({
      code: 'server_not_trusted',
      reason: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    expect(gateway.seen).toHaveLength(0);
  });

  it('reaches a gateway by its IPv6 address, and verifies it by that', async () => {
    const six = await startGatewayDouble(files, '::1');
    try {
      const url = six.url.replace('localhost', '[::1]');
      expect(await send({ url })).toMatchObject({ kind: 'answered', accepted: true });
      const { ca, ...identity } = clientTls(files.client, files.otherCa);
      expect(failureOf(await send({ url, tls: { ca, ...identity } }))).toMatchObject({
        code: 'server_not_trusted',
      });
    } finally {
      await six.close();
    }
  });

  it.each(['', ' \n', 'nonsense', Buffer.alloc(0)])(
    'takes a CA of %j for none, never for the system’s',
    async (ca) => {
      const tls = { ...clientTls(files.client, files.ca), ca };
      expect(failureOf(await send({ tls }))).toEqual({
        code: 'tls_material',
        reason: 'ERR_OSSL_PEM_NO_START_LINE',
      });
      expect(gateway.seen).toHaveLength(0);
    },
  );

  it('tells that the server wants another client certificate', async () => {
    await onOpensslServer(files, async (port) => {
      const tls = clientTls(files.stranger, files.ca);
      const failure = failureOf(await send({ url: `https://localhost:${port}/`, tls }));
      expect(failure).toEqual({
        code: 'refused_in_handshake',
        reason: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      });
    });
  });

  it('tells that the key is not that of the certificate', async () => {
    const tls = { ...clientTls(files.client, files.ca), privateKey: readFileSync(files.server.keyFile) };
    expect(failureOf(await send({ tls }))).toMatchObject({ code: 'tls_material' });
  });

  it('tells that a certificate is no PEM', async () => {
    const tls = { ...clientTls(files.client, files.ca), certificate: 'nonsense' };
    expect(failureOf(await send({ tls }))).toMatchObject({ code: 'tls_material' });
  });

  it.each([
    ['plain http', 'http://localhost:1/', 'not_https'],
    ['another scheme', 'ftp://localhost/', 'not_https'],
    ['no URL', 'localhost:8443', 'not_https'],
    ['nonsense', 'https://', 'not_a_url'],
    ['a URL with a password', 'https://a:b@localhost/', 'has_credentials'],
  ])('refuses %s', async (_title, url, reason) => {
    expect(failureOf(await send({ url }))).toEqual({ code: 'url_refused', reason });
  });

  it('tells that nobody listens', async () => {
    let closedPort = 0;
    await onTcpServer(undefined, (port) => {
      closedPort = port;
      return Promise.resolve();
    });
    const failure = failureOf(await send({ url: `https://127.0.0.1:${closedPort}/` }));
    expect(failure).toEqual({ code: 'no_connection', reason: 'ECONNREFUSED' });
  });

  it('tells that the other end speaks plain text', async () => {
    await onTcpServer(
      (socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      async (port) => {
        expect(failureOf(await send({ url: `https://127.0.0.1:${port}/` }))).toEqual({ code: 'not_tls' });
      },
    );
  });

  it('gives up on a server that accepts and says nothing', async () => {
    await onTcpServer(
      (socket) => socket.on('error', () => undefined),
      async (port) => {
        const url = `https://127.0.0.1:${port}/`;
        const failure = failureOf(await send({ url, timeoutMilliseconds: 100 }));
        expect(failure).toEqual({ code: 'timed_out', timeoutMilliseconds: 100 });
      },
    );
  });

  it('gives up on an answer that trickles for ever', async () => {
    gateway.answer = (response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    };
    expect(failureOf(await send({ timeoutMilliseconds: 200 }))).toMatchObject({ code: 'timed_out' });
  });

  it('gives up on an answer that is too long', async () => {
    gateway.answer = reply(200, 'x'.repeat(1001));
    expect(failureOf(await send({ maxAnswerBytes: 1000 }))).toEqual({
      code: 'answer_too_large',
      maxAnswerBytes: 1000,
    });
  });

  it('takes an answer that is just as long as it may be', async () => {
    gateway.answer = reply(200, 'x'.repeat(1000));
    expect(await send({ maxAnswerBytes: 1000 })).toMatchObject({ kind: 'answered', accepted: true });
  });

  it('tells that the connection broke before an answer', async () => {
    gateway.answer = (response) => response.destroy();
    expect(failureOf(await send())).toMatchObject({ code: 'connection_broken' });
  });

  it('does not take half an answer for a whole one', async () => {
    gateway.answer = (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    expect(failureOf(await send())).toMatchObject({ code: 'connection_broken' });
  });
});
