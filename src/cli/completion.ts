import { Argument, type Command } from 'commander'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** `completion`: what a shell needs to complete the verbs and flags that there are. */
export function addCompletion(program: Command) {
  program
    .command('completion')
    .description('print what a shell needs to complete verbs and flags')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  source <(attune completion bash)                                     in ~/.bashrc
  source <(attune completion zsh)                                      in ~/.zshrc, after compinit
  attune completion fish > ~/.config/fish/completions/attune.fish`,
    )
    .action((shell: Shell) => {
      process.stdout.write(SCRIPTS[shell](placesOf(program)))
    })
}

interface Word {
  word: string
  /** What it is, in a line. */
  about: string
}

/** A verb, by the words that lead to it, and what may follow. */
interface Place {
  path: string[]
  verbs: Word[]
  flags: Word[]
}

function placesOf(command: Command, path: string[] = []): Place[] {
  const help = command.createHelp()
  const verbs = help
    .visibleCommands(command)
    .filter((verb) => verb.name() !== 'help')
    .map((verb) => ({ word: verb.name(), about: help.subcommandDescription(verb) }))
  const flags = help
    .visibleOptions(command)
    .flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : []))
  const choices = command.registeredArguments.flatMap(({ argChoices }) =>
    (argChoices ?? []).map((word) => ({ word, about: '' })),
  )
  const place = { path, verbs: [...verbs, ...choices], flags }
  return [place, ...command.commands.flatMap((verb) => placesOf(verb, [...path, verb.name()]))]
}

/** As a word of a shell, whatever is in it. */
const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`
const pathOf = ({ path }: Place) => path.join(' ')
const wordsOf = ({ verbs, flags }: Place) => [...verbs, ...flags].map(({ word }) => word)

const bash = (places: Place[]) => `# attune, for bash
_attune() {
  local path='' word i words=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${path:+$path }\${COMP_WORDS[i]}"
    case "$word" in
      ${places.slice(1).map(pathOf).map(quoted).join('|')}) path="$word" ;;
    esac
  done
  case "$path" in
${places.map((place) => `    ${quoted(pathOf(place))}) words=${quoted(wordsOf(place).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _attune attune
`

const described = ({ word, about }: Word) => quoted(`${word}:${about.replaceAll(/\s+/g, ' ').replaceAll(':', '\\:')}`)

const zsh = (places: Place[]) => `#compdef attune
_attune() {
  local attune_path='' word i
  local -a choices
  for ((i = 2; i < CURRENT; i++)); do
    word="\${attune_path:+$attune_path }\${words[i]}"
    case "$word" in
      ${places
        .slice(1)
        .map(pathOf)
        .map((path) => `(${quoted(path)})`)
        .join(' attune_path="$word" ;;\n      ')} attune_path="$word" ;;
    esac
  done
  case "$attune_path" in
${places.map((place) => `    (${quoted(pathOf(place))}) choices=(${[...place.verbs, ...place.flags].map(described).join(' ')}) ;;`).join('\n')}
  esac
  _describe 'attune' choices
  _files
}
compdef _attune attune
`

const fish = (places: Place[]) => {
  const lines = places.flatMap((place) => {
    const here = `-n ${quoted(`__attune_at ${quoted(pathOf(place))}`)}`
    return [
      ...place.verbs.map(({ word, about }) => `complete -c attune ${here} -a ${quoted(word)} -d ${quoted(about)}`),
      ...place.flags.map(({ word, about }) => `complete -c attune ${here} -l ${word.slice(2)} -d ${quoted(about)}`),
    ]
  })
  return `# attune, for fish
function __attune_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$place $word")
    if contains -- "$next" ${places.slice(1).map(pathOf).map(quoted).join(' ')}
      set place $next
    end
  end
  test "$place" = "$argv[1]"
end
${lines.join('\n')}
`
}

const SCRIPTS: Record<Shell, (places: Place[]) => string> = { bash, zsh, fish }
