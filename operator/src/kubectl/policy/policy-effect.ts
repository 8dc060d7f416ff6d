// What a change of policies would do to clients: judges each of them before and after, by the operator's own rules.
import { isDeepStrictEqual } from 'node:util'
import { isJsonRecord } from '@nauthera/runtime/json'
import { durationMs, durationText } from '../../api/duration.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { grantText } from '../../decide/access/describe-access.ts'
import { configOf, denialsOf } from '../../decide/access/judgement.ts'
import type { Judgement } from '../../decide/access/judgement.ts'
import { keyOf } from '../../decide/client/client-names.ts'
import type { Violation } from '../../decide/client/check-policies.ts'
import { tokenLimitsOf } from '../../decide/client/policies.ts'
import { present } from '../../decide/client/present.ts'
import { timeText } from '../../api/time-text.ts'
import type { JudgedClient } from '../files/judge-together.ts'

export interface PolicyEffect {
  /** `namespace/name`. */
  readonly client: string
  /** What it would break that it does not break now. The object stays as it is, and servers keep the previous version until the grace is
   *  over. */
  readonly breaks: readonly BrokenRule[]
  /** RFC 3339; undefined when nothing is broken. */
  readonly refusedAt?: string
  /** What it breaks now, and then no more. */
  readonly mended: readonly BrokenRule[]
  /** What its conditions or the status of the policy would say, without more. */
  readonly told: readonly BrokenRule[]
  /** What would be otherwise for it, such as `tokens.accessTTL: 1h -> 15m`. */
  readonly changes: readonly string[]
}

interface BrokenRule {
  readonly policy: string
  readonly field: string
  readonly message: string
}

/** @returns those of which something changes, in the order of the clients */
export function policyEffects(
  before: readonly JudgedClient[],
  after: readonly JudgedClient[],
  now: number,
): readonly PolicyEffect[] {
  return after
    .map((then, index) => effectOn(before[index]!, then, now))
    .filter(({ breaks, mended, told, changes }) => breaks.length + mended.length + told.length + changes.length > 0)
}

function effectOn(now: JudgedClient, then: JudgedClient, at: number): PolicyEffect {
  const [broken, breaking] = [now, then].map((one) => rulesBroken(denialsOf(one.judgement)))
  const [toldNow, toldThen] = [now, then].map(({ judgement }) =>
    rulesBroken(judgement.violations.filter(({ enforcement }) => enforcement !== 'Deny')),
  )
  const breaks = without(breaking!, broken!)
  const { serve } = then.judgement
  const refusedAt =
    breaks.length === 0 || serve.kind === 'desired'
      ? undefined
      : timeText(serve.kind === 'carry' ? (serve.until ?? at) : at)
  return {
    client: keyOf(then.client),
    breaks,
    ...present({ refusedAt }),
    mended: without(broken!, breaking!),
    told: without(toldThen!, toldNow!),
    changes: changesOf(now, then),
  }
}

const rulesBroken = (violations: readonly Violation[]): readonly BrokenRule[] =>
  violations.map(({ policy, field, message }) => ({ policy, field, message }))

const without = (rules: readonly BrokenRule[], others: readonly BrokenRule[]): readonly BrokenRule[] =>
  rules.filter((rule) => !others.some((other) => isDeepStrictEqual(rule, other)))

/** What servers are told, what the operator does by itself, and which APIs it may call. */
function changesOf(now: JudgedClient, then: JudgedClient): readonly string[] {
  const [was, is] = [now, then].map(settingsOf)
  // of a version that is refused nothing is served: `breaks` says so
  if (was === undefined || is === undefined) return []
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])]
  return names
    .filter((name) => !isDeepStrictEqual(was[name], is[name]))
    .map((name) => `${name}: ${valueText(was[name])} -> ${valueText(is[name])}`)
}

/** In the words of the object, with the defaults and limits of the policies. */
function settingsOf({ client, judgement, access }: JudgedClient): Readonly<Record<string, unknown>> | undefined {
  if (configOf(judgement) === undefined) return undefined
  return {
    ...Object.fromEntries(Object.entries(judgement.client.spec).flatMap(fieldsBelow)),
    ...present({ 'tokens.accessTTL': accessTtlOf(client, judgement) }),
    'rotation.overlap (at most)': durationText(judgement.maxOverlapMs),
    ...Object.fromEntries(access.map((one) => [`API ${one.identifier}`, grantText(one)])),
  }
}

const fieldsBelow = ([name, value]: [string, unknown]): [string, unknown][] =>
  isJsonRecord(value) ? Object.entries(value).map(([inner, what]) => [`${name}.${inner}`, what]) : [[name, value]]

/** A limit also cuts what servers give where nobody says a length. */
function accessTtlOf({ status }: OIDCClient, { client, binding }: Judgement): string | undefined {
  const said = client.spec.tokens?.accessTTL ?? status?.effective?.tokens?.accessTTL
  const limitMs = binding ? tokenLimitsOf(binding).access * 1000 : 0
  return limitMs > 0 && (durationMs(said) ?? 0) > limitMs ? durationText(limitMs) : said
}

const valueText = (value: unknown): string =>
  value === undefined ? '(nothing)' : typeof value === 'string' ? value : JSON.stringify(value)

/** @param about.clients how many there are
 *  @param about.notes what could not be looked at */
export function effectsText(
  effects: readonly PolicyEffect[],
  about: { readonly clients: number; readonly notes: readonly string[] },
): string {
  const breaking = effects.filter(({ breaks }) => breaks.length > 0).length
  const head =
    effects.length === 0
      ? `nothing changes for the ${about.clients} clients that are there`
      : `${effects.length} of ${about.clients} clients are concerned, ${breaking === 0 ? 'and none of them breaks a policy' : `${breaking} of them would break it`}`
  const ordered = effects.toSorted((one, other) => Number(other.breaks.length > 0) - Number(one.breaks.length > 0))
  return [
    `${head}.`,
    ...ordered.flatMap((effect) => ['', ...effectLines(effect)]),
    ...about.notes.map((note) => `\n(${note})`),
    '',
  ].join('\n')
}

function effectLines({ client, breaks, refusedAt, mended, told, changes }: PolicyEffect): readonly string[] {
  const rule = ({ policy, field, message }: BrokenRule) => `${field}: ${message} (policy ${policy})`
  return [
    breaks.length > 0
      ? `${client} BREAKS it: what it has now is served until ${refusedAt}, then nothing of it is`
      : client,
    ...breaks.map((one) => `   ${rule(one)}`),
    ...mended.map((one) => `   no longer broken: ${rule(one)}`),
    ...told.map((one) => `   only told: ${rule(one)}`),
    ...changes.map((one) => `   ${one}`),
  ]
}
