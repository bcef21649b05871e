/** A process that appends lines of growing length to a file, each its own chunk. */
import { openFileWriter } from '../../src/audit/writers.js';

interface Task {
  readonly path: string;
  readonly writer: number;
  readonly chunks: number;
}

const { path, writer, chunks } = JSON.parse(process.argv[2] ?? '') as Task;
const file = openFileWriter(path);
for (let chunk = 0; chunk < chunks; chunk++)
  file.write(Buffer.from(`${JSON.stringify({ writer, chunk, text: String(writer).repeat(chunk * 31) })}\n`));
file.close();
