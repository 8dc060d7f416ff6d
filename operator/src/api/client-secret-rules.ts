// CEL rules about the secret of a client: which fields go together, and with which authentication.
import { federatedMethod, secretMethods } from '@nauthera/rules/client-authentication'
import { celList, celMatches } from './cel-text.ts'
import { durationPattern } from './duration.ts'
import { authMethodInCel } from './in-effect.ts'
import { presetsWithoutEdDSA } from './presets.ts'
import { absent, ofEach, rulesOf } from './rule-kinds.ts'
import type { CelRule } from './schema.ts'

const method = authMethodInCel('self')

const noSecret = 'must be absent for a client without a secret; remove it or choose client_secret'

/** duration() of any other text is an error in CEL, and the field has its own fault for it. */
const isDuration = (field: string) => celMatches(field, durationPattern)

const whenRotated = ['rotation.interval', 'rotation.window', 'rotation.trigger'] as const

/** What is about the Secret that the operator writes. */
const aboutWrittenSecret = ['name', 'labels', 'annotations', 'presets', 'keys', 'data', 'existingSecretRef'].map(
  (field) => `secret.${field}`,
)

// prettier-ignore
export const secretRules: readonly CelRule[] = [
  ...rulesOf({
    rotation: { [noSecret]: `!has(self.rotation) || ${method} in ${celList([...secretMethods, federatedMethod])}` },
    ...ofEach(whenRotated, (field) => ({
      'must be absent with auth.method federated_jwt, which has no secret to rotate; remove it':
        `${method} != '${federatedMethod}' || ${absent(field)}`,
    })),
    ...ofEach(['secret.existingSecretRef', 'secret.verifiers'], (field) => ({
      [noSecret]: `${absent(field)} || ${method} in ${celList(secretMethods)}`,
    })),
  }),
  ...rulesOf({
    ...ofEach(whenRotated, (field) => ({
      'must be absent with secret.existingSecretRef: you rotate that secret yourself, in its Secret; remove it':
        `${absent('secret.existingSecretRef')} || ${absent(field)}`,
    })),
    ...ofEach(['rotation.window', 'rotation.trigger'], (field) => ({
      'must be absent with secret.verifiers: you rotate those secrets yourself, in their list; remove it':
        `${absent('secret.verifiers')} || ${absent(field)}`,
    })),
    ...ofEach(aboutWrittenSecret, (field) => ({
      'must be absent with secret.verifiers: the operator writes no Secret for such a client; remove one of the two':
        `${absent('secret.verifiers')} || ${absent(field)}`,
    })),
    'secret.verifiers': {
      'must have at most one without notAfter; say of each older one when it ends':
        // a cluster says the end of one when the newer one is published
        `${absent('secret.verifiers')} || has(self.origin) || self.secret.verifiers.filter(v, !has(v.notAfter)).size() <= 1`,
    },
    'secret.deletionPolicy': {
      'must not be Retain with secret.verifiers: there is no Secret to keep; remove it':
        `${absent('secret.verifiers')} || ${absent('secret.deletionPolicy')} || self.secret.deletionPolicy == 'Delete'`,
    },
    'rotation.overlap': {
      'must not be longer than rotation.interval; make it shorter':
        `${absent('rotation.overlap')} || !has(self.rotation.interval) || !${isDuration('self.rotation.overlap')} || !${isDuration('self.rotation.interval')} || size(self.rotation.overlap) == 0 || size(self.rotation.interval) == 0 || duration(self.rotation.overlap) <= duration(self.rotation.interval)`,
    },
  }),
  ...rulesOf({
    'rotation.window': {
      'must have rotation.interval as well: the window says when, the interval how often':
        `${absent('rotation.window')} || has(self.rotation.interval)`,
    },
  }),
  ...rulesOf({
    'signing.idToken': Object.fromEntries(
      [...presetsWithoutEdDSA].map(([preset, message]) => [
        message,
        `${absent('secret.presets')} || !('${preset}' in self.secret.presets) || ${absent('signing.idToken')} || self.signing.idToken != 'EdDSA'`,
      ]),
    ),
  }),
]
