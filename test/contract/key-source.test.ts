import { FakeKeySource, pairOf } from '../support/fake-key-source.js';
import { describeKeySource } from './key-source-contract.js';

describeKeySource('in memory', () => {
  const known = (key: string) => ({
    reference: { source: 'fake', key, version: 1 },
    publicKey: pairOf(key).publicKey.raw,
  });
  return Promise.resolve({
    source: new FakeKeySource('fake', 65_536, (key) => key !== 'absent'),
    keys: [known('one'), known('two')] as const,
    absent: { source: 'fake', key: 'absent', version: 1 },
    timeoutMilliseconds: 1_000,
  });
});
