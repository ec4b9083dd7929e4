import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { packagePath } from '../platform/paths.js'
import { addCompletion } from './completion.js'
import { addDeadLetters } from './dead-letters.js'
import { EXIT_HELP } from './exit.js'
import { addExport } from './export.js'
import { addImport } from './import/command.js'
import { addKeys } from './keys.js'
import { addLogin } from './login.js'
import { addRecommend } from './recommend.js'
import { addServe } from './service.js'
import { addSize } from './size/command.js'
import { addTenants } from './tenants.js'
import { addTraining } from './training.js'
import { addVersions } from './versions.js'

const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }

/** All verbs, each from the file that is named after it. */
export function makeProgram(env: NodeJS.ProcessEnv): Command {
  const program = new Command('attune')
    .description('Recommendations for many tenants.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(attune --help shows what there is)')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', EXIT_HELP)
  addServe(program, env, version)
  addLogin(program, env)
  addTenants(program, env)
  addKeys(program, env)
  addImport(program, env)
  addExport(program, env)
  addTraining(program, env)
  addVersions(program, env)
  addRecommend(program, env)
  addDeadLetters(program, env)
  addSize(program)
  addCompletion(program)
  return program
}
