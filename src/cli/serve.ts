/** `countersign serve`: the verifier itself. */
import { type CliWorld, ExitCode, type Register, examples } from './command.js';
import { addConfigurationFile, configurationAction } from './configuration.js';

interface ServeOptions {
  readonly replace?: boolean;
}

/** Loaded when it is wanted: gRPC and lmdb would make every other command start slowly. */
async function serveConfiguration(
  _world: CliWorld,
  file: string,
  { replace = false }: ServeOptions,
): Promise<ExitCode> {
  const { serve } = await import('../serve/serve.js');
  const code = await serve(file, { replace });
  return code === 0 ? ExitCode.good : ExitCode.cannot;
}

/** Adds the command. */
export const registerServe: Register = (program, session) => {
  const command = program
    .command('serve')
    .description('run the verifier until SIGTERM; SIGHUP or a changed file is a reload');
  addConfigurationFile(command)
    .option('--replace', 'take the place of the verifier that serves this socket, without a gap')
    .addHelpText(
      'after',
      examples('countersign serve --config countersign.yaml', 'countersign serve --replace countersign.yaml'),
    )
    .action(configurationAction(session, serveConfiguration));
};
