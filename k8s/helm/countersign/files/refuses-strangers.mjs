// What `helm test` runs: Envoy answers at the Service, and breaks off with whoever shows no certificate.
import { connect } from 'node:tls';

const [host, port] = process.argv.slice(1);
const socket = connect({ host, port: Number(port), rejectUnauthorized: false, timeout: 10_000 });
const end = (code, text) => {
  console.log(text);
  process.exit(code);
};
socket.on('timeout', () => end(1, `${host}:${port} does not answer`));
socket.on('error', ({ code, message }) =>
  /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(code ?? '')
    ? end(0, 'a client without a certificate is turned away')
    : end(1, `not Envoy's refusal of a client without a certificate: ${message}`),
);
socket.on('data', () => end(1, 'a client without a certificate was answered'));
socket.on('close', () => end(1, 'the connection ended without a word'));
// The alert comes after the handshake, with the first bytes that are read.
socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n'));
