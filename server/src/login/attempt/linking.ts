// What every step that signs somebody in keeps for the step `link-account`.
import type { Progress } from '../../oidc/interaction/interaction.ts'

/** What every step that signs somebody in keeps for the step `link-account`. */
export const linkingOf = ({ linking }: Progress): Pick<Progress, 'linking'> =>
  linking === undefined ? {} : { linking }
