import type { Attempt, FormOutcome, Step, StepOutcome } from '../attempt/attempt.ts'

/** Asks whether the device is the person's own, before anything else: somebody else may have sent them its code (RFC 8628 section 5.4). */
export const confirmDevice: Step = { run: take, forms: { device: decide } }

function take(attempt: Attempt): StepOutcome {
  const { interaction, paths } = attempt
  const { device, progress, session } = interaction
  if (device === undefined || device.isConfirmed || progress.deviceConfirmed === true)
    return { kind: 'passed', attempt }
  const page = {
    kind: 'page',
    view: 'confirm-device',
    languages: interaction.uiLocales,
    reader: session?.person,
    model: {
      client: interaction.client,
      action: paths.form('device'),
      userCode: device.userCode,
      scopes: device.scopes,
      ...(device.details ? { details: device.details } : {}),
      person: session?.person,
    },
  } as const
  return { kind: 'ask', page }
}

/** Field `decision`: `allow` or `deny`. The protocol tells the audit log of a device that is refused. */
function decide({ request, interaction }: Attempt): FormOutcome {
  if (request.form.get('decision') !== 'allow')
    return { kind: 'refused', description: 'the person did not start this on a device' }
  return { kind: 'go-on', progress: { ...interaction.progress, deviceConfirmed: true } }
}
