import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileState } from '../../../../src/config/files/read-file.js';
import { FileWatch } from '../../../../src/config/files/watch.js';
import { until } from '../../../support/until.js';

let folder = '';
let path = '';
let changes = 0;
let watch: FileWatch;
let heard = (): void => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watch-'));
  path = join(folder, 'countersign.yaml');
  writeFileSync(path, 'one');
  changes = 0;
  watch = new FileWatch({
    lookMilliseconds: 10,
    settleMilliseconds: 10,
    onChange: () => {
      changes++;
      follow();
      heard();
    },
  });
  follow();
});
afterEach(() => {
  watch.close();
  rmSync(folder, { recursive: true });
});

function follow(...more: string[]): void {
  watch.follow(new Map([path, ...more].map((file) => [file, fileState(file)])));
}

/** What happens after this is heard of. */
async function isHeardAfter(act: () => void): Promise<void> {
  const change = new Promise<void>((resolve) => (heard = resolve));
  act();
  await change;
}

const SEVERAL_LOOKS_MILLISECONDS = 150;

describe('a watch hears of', () => {
  it('a write in place', () => isHeardAfter(() => writeFileSync(path, 'two')));

  it('a write in place of the same length with the times of before', () =>
    isHeardAfter(() => {
      const time = new Date(1_764_000_000_000);
      writeFileSync(path, 'two');
      utimesSync(path, time, time);
    }));

  it("an editor's rename", () =>
    isHeardAfter(() => {
      renameSync(path, `${path}~`);
      writeFileSync(`${path}.new`, 'two');
      renameSync(`${path}.new`, path);
    }));

  it('a mode that was mended', () => isHeardAfter(() => chmodSync(path, 0o600)));

  it('a file that goes, and one that comes', async () => {
    await isHeardAfter(() => rmSync(path));
    await isHeardAfter(() => writeFileSync(path, 'one'));
  });

  it('a change of any file that it follows', async () => {
    const key = join(folder, 'key.pem');
    writeFileSync(key, 'key');
    follow(key);
    await isHeardAfter(() => writeFileSync(key, 'another'));
  });
});

/** A projected volume as the kubelet writes it: files are links through `..data`, which is moved as a whole. */
function project(generation: string, text: string): void {
  mkdirSync(join(folder, generation));
  writeFileSync(join(folder, generation, 'countersign.yaml'), text);
  symlinkSync(generation, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
}

test('a watch hears of the swap of a projected volume, and of the next one, too', async () => {
  rmSync(path);
  project('..1', 'one');
  symlinkSync('..data/countersign.yaml', path);
  follow();
  await isHeardAfter(() => project('..2', 'two'));
  await isHeardAfter(() => {
    project('..3', 'three');
    rmSync(join(folder, '..2'), { recursive: true });
  });
});

describe('a watch does not call', () => {
  it('when nothing has changed, or only the times of a file', async () => {
    await sleep(SEVERAL_LOOKS_MILLISECONDS);
    utimesSync(path, new Date(), new Date());
    writeFileSync(path, 'one');
    await sleep(SEVERAL_LOOKS_MILLISECONDS);
    expect(changes).toBe(0);
  });

  it('before a writer has finished', async () => {
    watch.close();
    let calls = 0;
    watch = new FileWatch({ lookMilliseconds: 5, settleMilliseconds: 200, onChange: () => calls++ });
    follow();
    for (let part = 0; part < 10; part++) {
      appendFileSync(path, 'x');
      await sleep(20);
    }
    expect(calls).toBe(0);
    while (calls === 0) await sleep(10);
  });

  it('once it is closed', async () => {
    watch.close();
    writeFileSync(path, 'two');
    await sleep(SEVERAL_LOOKS_MILLISECONDS);
    expect(changes).toBe(0);
  });
});

test('a watch goes on calling until somebody follows what is there', async () => {
  watch.close();
  let calls = 0;
  watch = new FileWatch({ lookMilliseconds: 5, settleMilliseconds: 5, onChange: () => calls++ });
  follow();
  writeFileSync(path, 'two');
  while (calls < 2) await sleep(5);
});

test('a watch calls once for a change whose load came to no end, and again for the next', async () => {
  watch.close();
  let calls = 0;
  const another = new FileWatch({
    lookMilliseconds: 10,
    settleMilliseconds: 10,
    onChange: () => {
      calls++;
      another.followAsSeen();
    },
  });
  another.follow(new Map([[path, fileState(path)]]));
  try {
    writeFileSync(path, 'two');
    await until('it has called', () => calls === 1);
    await sleep(SEVERAL_LOOKS_MILLISECONDS);
    expect(calls).toBe(1);
    writeFileSync(path, 'three');
    await until('it has called again', () => calls === 2);
  } finally {
    another.close();
  }
});
