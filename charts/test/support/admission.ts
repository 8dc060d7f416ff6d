// Evaluates the admission policies of OIDCPolicies as an API server does: a variable is worked out when a rule first reads it.
import { Environment } from '@marcbachmann/cel-js'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import type { OIDCPolicySpec } from '@nauthera/operator/api/oidc-policy'
import { find, objectsOf } from './render.ts'

export interface AdmissionSpec {
  readonly failurePolicy: string
  readonly matchConditions: readonly { readonly name: string; readonly expression: string }[]
  readonly variables: readonly { readonly name: string; readonly expression: string }[]
  readonly validations: readonly AdmissionRule[]
}

interface AdmissionRule {
  readonly expression: string
  readonly messageExpression: string
}

interface AdmissionRequest {
  readonly policy: OIDCPolicySpec
  readonly object: OIDCClient
  readonly oldObject?: OIDCClient
  readonly namespaceLabels?: Readonly<Record<string, string>>
}

/** The name of the policy in each request. */
export const policyName = 'limits'

export const admissionNames: Readonly<Record<'Deny' | 'Warn', string>> = {
  Deny: 'auth.nauthera.policy',
  Warn: 'auth.nauthera.policy-warning',
}

const variableNames = ['object', 'oldObject', 'params', 'namespaceObject', 'variables', 'request', 'authorizer']

/** An API server wants lists of one type. */
export function strictEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: true })
  for (const name of variableNames) environment.registerVariable(name, 'dyn')
  return environment
}

const environment = strictEnvironment()
const parsed = new Map<string, (context: object) => unknown>()

/** @throws the fault of the evaluation, for which an API server would let the object pass */
export function evaluate(expression: string, context: object): unknown {
  const program = parsed.get(expression) ?? environment.parse(expression)
  parsed.set(expression, program)
  return program(context)
}

export const admissionSpec = async (enforcement: 'Deny' | 'Warn' = 'Deny'): Promise<AdmissionSpec> =>
  find(await objectsOf(), 'ValidatingAdmissionPolicy', admissionNames[enforcement])['spec'] as AdmissionSpec

/** @returns the rules that refuse the request, each with what `kubectl apply` says */
export function refusalsOf(
  spec: AdmissionSpec,
  { policy, object, oldObject, namespaceLabels = {} }: AdmissionRequest,
): readonly { readonly rule: AdmissionRule; readonly field: string; readonly message: string }[] {
  const variables = {}
  const context = {
    object,
    oldObject: oldObject ?? null,
    params: { metadata: { name: policyName }, spec: policy },
    namespaceObject: { metadata: { labels: namespaceLabels } },
    variables,
  }
  for (const { name, expression } of spec.variables)
    Object.defineProperty(variables, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        const value = evaluate(expression, context)
        Object.defineProperty(variables, name, { value, enumerable: true })
        return value
      },
    })
  return spec.validations
    .filter(({ expression }) => evaluate(expression, context) !== true)
    .map((rule) => {
      const message = String(evaluate(rule.messageExpression, context))
      return { rule, message, field: /^OIDCPolicy limits: (\S+): /.exec(message)?.[1] ?? '' }
    })
}
