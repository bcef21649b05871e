/** `countersign serve`: the verifier itself. */
import { chosenConfigFile } from './option-values.js';
import { ExitCode, type Register, examples } from './command.js';

/** Loaded when it is wanted: gRPC and lmdb would make every other command start slowly. */
async function serveConfiguration(file: string, replace: boolean): Promise<ExitCode> {
  const { serve } = await import('../serve/serve.js');
  const code = await serve(file, { replace });
  return code === 0 ? ExitCode.good : ExitCode.cannot;
}

/** Adds the command. */
export const registerServe: Register = (program, session) => {
  program
    .command('serve')
    .description('run the verifier until SIGTERM; SIGHUP or a changed file is a reload')
    .argument('[file]', 'the configuration, if not given by --config')
    .option('-c, --config <file>', 'the configuration (YAML)')
    .option('--replace', 'take the place of the verifier that serves this socket, without a gap')
    .addHelpText(
      'after',
      examples('countersign serve --config countersign.yaml', 'countersign serve --replace countersign.yaml'),
    )
    .action(
      session.action((_world, file: string | undefined, options: { config?: string; replace?: true }) =>
        serveConfiguration(chosenConfigFile(file, options.config), options.replace ?? false),
      ),
    );
};
