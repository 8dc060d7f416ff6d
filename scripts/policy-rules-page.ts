// docs/policy-rules.md: what each field of an OIDCPolicy judges of a client, from operator/src/decide/client/policy-rules.ts.
import { policyRules } from '@nauthera/operator/decide/client/policy-rules'
import type { PolicyRule } from '@nauthera/operator/decide/client/policy-rules'
import { fieldsByKind } from './fields-page.ts'

const head = `# What policies judge

<!-- Written by "npm run generate" from operator/src/decide/client/policy-rules.ts. -->

Each row is a rule: a field of an \`OIDCPolicy\`, what it looks at in a client, and what a client may not have there. The operator holds a client to all of them,
and to [what policies say together](concepts/policy.md). \`kubectl apply\` refuses what one policy with \`Deny\` refuses by itself. One with \`Warn\` warns there.

**An update is refused only for what it adds.** A client that breaks a policy may keep what it has, or get something stricter. Within the grace of the policy
people can still suspend it, revoke its secrets, and take scopes and redirect URIs away. What no rule looks at always passes. So an update is never
refused for \`suspended\`, \`rotation.revokePrevious\`, \`access.allowedGroups\` or \`access.requiredAcr\`.

| Policy | Looks at | A client may not have | Stricter, so it passes |
|---|---|---|---|
`

/** Fields that say how a policy applies, and those that other parts of the operator read. Each with what it does. */
const others: Readonly<Record<string, string>> = {
  selector: 'says which clients a policy is for',
  enforcement: 'says what follows for a client that breaks it',
  grace: 'says what follows for a client that breaks it',
  priority: 'orders the defaults of policies',
  defaults: 'fills in what a client leaves open',
  'allow.anyClientId': 'is about names, which clients have in common',
  'limits.clientsPerNamespace': 'counts clients; one that is served stays',
  'limits.bytesPerShard': 'counts bytes of clients; the youngest wait',
  'limits.tokens.platform': 'holds for the tokens of platforms',
  'rotation.minSpacing': 'is about when secrets rotate',
}

const isBelow = (path: string, field: string): boolean => path === field || path.startsWith(`${field}.`)

export function renderPolicyRulesPage(): string {
  const judged = policyRules.map(({ of }) => of)
  const fields = fieldsByKind()['OIDCPolicy']!.map(({ path }) => path.replaceAll('[]', ''))
  const unsaid = fields.filter((path) => ![...judged, ...Object.keys(others)].some((field) => isBelow(path, field)))
  if (unsaid.length > 0) throw new Error(`no rule and no word in scripts/policy-rules-page.ts: ${unsaid.join(', ')}`)
  const rest = Object.entries(others).map(([field, does]) => `| \`${field}\` | ${does} |`)
  return `${head}${policyRules.map(rowOf).join('\n')}

The other fields of a policy judge no single client:

| Policy | What it does |
|---|---|
${rest.join('\n')}
`
}

function rowOf({ of, judged, words, stricter }: PolicyRule): string {
  const places =
    stricter === 'shorter'
      ? 'a shorter time'
      : Object.entries(stricter)
          .map(([from, to]) => `${from}: ${to.join(', ')}`)
          .join('; ')
  const who = judged.inCel === undefined ? ' (`kubectl apply` does not know: another policy may have a default)' : ''
  return `| \`${of}\` | ${judged.words} | ${words}${who} | ${places} |`
}
