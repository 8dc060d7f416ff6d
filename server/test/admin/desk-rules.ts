import { rulesOf } from '../../src/admin/rank.ts'
import type { DeskRules } from '../../src/admin/rank.ts'
import { adminSettings } from '../../src/settings/admin.ts'

/** The rules of a help desk whose group is `desk`, unless `admin` says otherwise. */
export const deskRules = (admin: object = {}): DeskRules => rulesOf(adminSettings.parse({ group: 'desk', ...admin })!)
