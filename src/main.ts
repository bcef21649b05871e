#!/usr/bin/env node
/** The executable: picks a command and runs it. Everything else is loaded after the look at Node's version. */
import { nodeVersionFault } from './cli/node-version.js';

const CANNOT = 3;

const fault = nodeVersionFault(process.versions.node);
if (fault === undefined) {
  const { watchOutput } = await import('./cli/process-world.js');
  watchOutput();
  const { runCommandLine } = await import('./cli/program.js');
  const { processWorld } = await import('./cli/process-world.js');
  process.exitCode = await runCommandLine(process.argv.slice(2), processWorld);
} else {
  process.stderr.write(fault);
  process.exitCode = CANNOT;
}
