import { hasClientName } from '../../../src/grpc/client-names.js';

const SPIFFE = 'spiffe://cluster.local/ns/gateways/sa/edge';

describe('a name in a client certificate', () => {
  it.each([
    ['a DNS name', 'DNS:edge.example', ['edge.example']],
    ['a DNS name in capitals', 'DNS:Edge.Example', ['edge.example']],
    ['a URI', `URI:${SPIFFE}`, [SPIFFE]],
    ['one of several', `DNS:other.example, IP Address:10.0.0.1, URI:${SPIFFE}`, ['edge.example', SPIFFE]],
  ])('is found: %s', (_what, subjectAltName, names) => {
    expect(hasClientName({ subjectAltName }, names)).toBe(true);
  });

  it.each([
    ['there is none', undefined],
    ['only another', 'DNS:other.example'],
    ['a longer one', 'DNS:edge.example.evil.example'],
    ['a shorter one', 'DNS:example'],
    ['a wildcard over it', 'DNS:*.example'],
    ['the name as another kind', 'email:edge.example, IP Address:edge.example'],
    ['a DNS name as a URI', 'URI:edge.example'],
    ['a URI as a DNS name', `DNS:${SPIFFE}`],
    ['a URI in another case', `URI:${SPIFFE.toUpperCase()}`],
    // As Node writes the one DNS name "other.example, DNS:edge.example".
    ['a name that says two', 'DNS:"other.example, DNS:edge.example"'],
    ['one beside an odd one', 'DNS:"a\\u0000b", DNS:edge.example'],
    ['an empty one', 'DNS:'],
  ])('is not found where there is %s', (_what, subjectAltName) => {
    expect(hasClientName({ subjectAltName }, ['edge.example', SPIFFE])).toBe(false);
  });
});
