/** A hint that was true for another answer: each failure with the causes that give it. */
import { readFileSync, rmSync } from 'node:fs';
import { explainFailure } from '../../../src/cli/send-advice.js';
import type { SendFailure } from '../../../src/client/index.js';
import { makeTlsFiles, type Party } from '../client/tls-files.js';

const url = 'https://localhost:8443/';
const trust = (reason: string): SendFailure => ({ code: 'server_not_trusted', reason });
const alert = (reason: string): SendFailure => ({ code: 'refused_in_handshake', reason });

describe('a refused handshake', () => {
  const files = makeTlsFiles();
  afterAll(() => rmSync(files.directory, { recursive: true }));
  const remedyFor = ({ certificateFile }: Party): string =>
    explainFailure(alert('ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN'), {
      url,
      certificate: readFileSync(certificateFile),
      isQuery: false,
    }).remedy;

  it("with a server's certificate is explained by its purpose, and with any other it is not", () => {
    expect(remedyFor(files.serverOnly)).toMatch(
      /the client's certificate with --cert .*not those of a server/,
    );
    expect(remedyFor(files.client)).toMatch(/client certificate of the CA/);
  });
});

describe('explainFailure', () => {
  it.each<[SendFailure, RegExp, RegExp]>([
    [trust('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), /not of the given CA/, /--ca$/],
    [trust('SELF_SIGNED_CERT_IN_CHAIN'), /not of the given CA/, /--ca$/],
    [trust('DEPTH_ZERO_SELF_SIGNED_CERT'), /not of the given CA/, /--ca$/],
    [trust('CERT_SIGNATURE_FAILURE'), /not of the given CA/, /--ca$/],
    [trust('CERT_HAS_EXPIRED'), /has expired/, /set the clock of this machine/],
    [trust('CERT_NOT_YET_VALID'), /not valid yet/, /clocks/],
    [trust('ERR_TLS_CERT_ALTNAME_INVALID'), /for another name/, /a name that the certificate holds/],
    [trust('CERT_REVOKED'), /not acceptable \(CERT_REVOKED\)/, /another certificate/],
    [trust('INVALID_PURPOSE'), /not acceptable/, /another certificate/],
    [trust('PATH_LENGTH_EXCEEDED'), /not acceptable/, /another certificate/],
    [alert('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), /refused our side/, /client certificate of the CA/],
    [alert('TLSV1_ALERT_UNKNOWN_CA'), /refused our side/, /client certificate of the CA/],
    [alert('TLSV1_ALERT_PROTOCOL_VERSION'), /refused our side/, /TLS 1\.2 or 1\.3/],
    [alert('TLSV1_ALERT_INTERNAL_ERROR'), /refused our side/, /log of the gateway/],
    [alert('SSLV3_ALERT_HANDSHAKE_FAILURE'), /refused our side/, /log of the gateway/],
    [{ code: 'answer_too_large', maxAnswerBytes: 9 }, /longer than 9/, /may have been let through/],
    [
      { code: 'timed_out', timeoutMilliseconds: 1000 },
      /no answer within 1 s/,
      /409 then says .* was let through/,
    ],
    [{ code: 'connection_broken', reason: 'ECONNRESET' }, /connection broke/, /409 then says/],
  ])('says of %j what is true of it', (failure, message, remedy) => {
    const explained = explainFailure(failure, { url, certificate: Buffer.from('none'), isQuery: false });
    expect(explained.message).toMatch(message);
    expect(explained.remedy).toMatch(remedy);
  });

  it.each<SendFailure>([
    { code: 'timed_out', timeoutMilliseconds: 1000 },
    { code: 'connection_broken', reason: 'ECONNRESET' },
  ])('has a query of which no answer came (%j) sent again under another nonce', (failure) => {
    const { remedy } = explainFailure(failure, { url, certificate: Buffer.from('none'), isQuery: true });
    expect(remedy).toMatch(/^send the query again, without --nonce: /);
    expect(remedy).not.toMatch(/same bytes|409/);
  });
});
