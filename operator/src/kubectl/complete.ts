// What can follow the words of a command line. kubectl asks the program `kubectl_complete-nauthera`, which calls `kubectl-nauthera __complete`.
import type { Command, Option } from 'commander'
import { requestKubectl, clientKind, clusterKind, flagsOf } from './cluster.ts'
import type { CallKubectl, ClusterFlags } from './cluster.ts'
import { present } from '../decide/client/present.ts'

/** As cobra has it: 4 forbids names of files, 0 offers them. */
type Directive = 0 | 4

interface Offer {
  /** A word, and what it means. */
  readonly words: readonly (readonly [word: string, meaning?: string])[]
  readonly directive: Directive
}

const nothing: Offer = { words: [], directive: 4 }

/** @param words the last one is what stands at the cursor; it may be empty
 *  @returns in the form of cobra: a word a line, a tab before its meaning; the directive last */
export function completionText(program: Command, words: readonly string[], call: CallKubectl): string {
  const current = words.at(-1) ?? ''
  const { words: offered, directive } = offerFor(program, words.slice(0, -1), current, call)
  const lines = offered
    .filter(([word]) => word.startsWith(current))
    .map(([word, meaning]) => (meaning === undefined ? word : `${word}\t${firstSentence(meaning)}`))
  return `${[...lines, `:${directive}`].join('\n')}\n`
}

function offerFor(program: Command, before: readonly string[], current: string, call: CallKubectl): Offer {
  const command = commandAt(program, before)
  const options = command.createHelp().visibleOptions(command)
  const asking = options.find((option) => takesValue(option) && namesOf(option).includes(before.at(-1) ?? ''))
  if (asking !== undefined) return valuesOf(asking, before, call)
  if (current.startsWith('-'))
    return { words: options.map((option) => [option.long ?? option.short!, option.description]), directive: 4 }
  const [argument] = command.registeredArguments
  const commands = command.commands.map((one) => [one.name(), one.description()] as const)
  if (argument === undefined || !hasNoName(command, before)) return { words: commands, directive: 4 }
  const isOfCluster = argument.name() === 'cluster'
  const { words } = names(call, [isOfCluster ? clusterKind : clientKind], flagsIn(before, !isOfCluster))
  return { words: [...commands, ...words], directive: 4 }
}

/** The command that the words lead to. */
function commandAt(program: Command, words: readonly string[]): Command {
  return words.reduce((command, word) => command.commands.find((one) => one.name() === word) ?? command, program)
}

/** Whether the name of the object is still to come. */
function hasNoName(command: Command, words: readonly string[]): boolean {
  const after = words.slice(words.indexOf(command.name()) + 1)
  const options = command.createHelp().visibleOptions(command)
  return !after.some(
    (word, index) =>
      !word.startsWith('-') &&
      !options.some((option) => takesValue(option) && namesOf(option).includes(after[index - 1] ?? '')),
  )
}

function valuesOf(option: Option, before: readonly string[], call: CallKubectl): Offer {
  if (option.argChoices) return { words: option.argChoices.map((choice) => [choice]), directive: 4 }
  if (option.flags.includes('<file')) return { words: [], directive: 0 }
  return option.long === '--namespace' ? names(call, ['namespaces'], flagsIn(before, false)) : nothing
}

function names(call: CallKubectl, what: readonly string[], flags: ClusterFlags): Offer {
  const path = 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}'
  const found = requestKubectl(call, ['get', ...what, '--output', path, '--request-timeout', '3s', ...flagsOf(flags)])
  if (found.kind !== 'found') return nothing
  return { words: found.value.split('\n').flatMap((name) => (name === '' ? [] : [[name] as const])), directive: 4 }
}

function flagsIn(words: readonly string[], withNamespace: boolean): ClusterFlags {
  const after = (...flags: readonly string[]): string | undefined => {
    const at = words.findLastIndex((word) => flags.some((flag) => word === flag || word.startsWith(`${flag}=`)))
    return at < 0 ? undefined : words[at]!.includes('=') ? words[at]!.split('=')[1] : words[at + 1]
  }
  const [namespace, context, kubeconfig] = [after('--namespace', '-n'), after('--context'), after('--kubeconfig')]
  return {
    ...(namespace === undefined || !withNamespace ? {} : { namespace }),
    ...present({ context, kubeconfig }),
  }
}

const namesOf = ({ short, long }: Option): string[] => [short, long].filter((name) => name !== undefined)
const takesValue = ({ required }: Option): boolean => required
const firstSentence = (text: string): string => text.split(/[.:;] /)[0]!.replace(/\.$/, '')
