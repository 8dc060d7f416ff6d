import { runTold, told } from '../outbox/told.ts'
import type { Told } from '../outbox/told.ts'
import { statement } from '../driver/database.ts'
import { admitted } from '../people/standing.ts'
import type { AsAdmitted, OtherSessions } from '../people/standing.ts'
import { changeFactors, hashOf } from './needs.ts'
import type { FactorNeeds } from './needs.ts'
import { deleteWrongCodes, lockOf } from './wrong-codes.ts'
import type { CodeLimits } from './wrong-codes.ts'

/** Recovery codes of people. */
export interface RecoveryCodes {
  /** @param code as shown, without spaces @returns how many are left; undefined when it is wrong or was used, or codes are locked */
  consumeRecoveryCode(
    use: { userId: string; code: string; limits: CodeLimits } & Told,
  ): Promise<{ left: number } | undefined>
  /** How many recovery codes of a person still work. */
  recoveryCodesLeft(userId: string): Promise<number>
  /** Makes these the person's recovery codes; the earlier ones do not work any more.
   *  @param others default: every session ends
   *  @returns false when the standing has changed, or the person has no second factor: then there is nothing to recover */
  replaceRecoveryCodes(
    person: AsAdmitted,
    codes: readonly string[],
    told: Told,
    others?: OtherSessions,
  ): Promise<boolean>
}

const useRecoveryCode = statement<{ left: number }>(
  'factor-use-recovery-code',
  `WITH used AS (UPDATE recovery_codes SET used_at = now()
     WHERE user_id = $1::uuid AND code_hash = $2 AND used_at IS NULL AND NOT EXISTS (${lockOf('$1::uuid', '$3')}) RETURNING user_id),
   ${deleteWrongCodes('$1::uuid', 'EXISTS (SELECT FROM used)')},
   ${told('used')}
   SELECT (SELECT count(*) FROM recovery_codes c WHERE c.user_id = $1::uuid AND c.used_at IS NULL AND c.code_hash <> $2)::integer AS left
   FROM used`,
)
const codesLeft = statement<{ left: number }>(
  'factor-codes-left',
  'SELECT count(*)::integer AS left FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL',
)
// an earlier code that was used may come again by chance, and works then
const replaceCodes = statement(
  'factor-replace-codes',
  `WITH person AS (${admitted(' AND EXISTS (SELECT FROM factors f WHERE f.user_id = u.id)')}),
   before AS (DELETE FROM recovery_codes WHERE user_id = (SELECT id FROM person) RETURNING user_id),
   new AS (INSERT INTO recovery_codes (user_id, code_hash) SELECT p.id, hash FROM person p, unnest($3::bytea[]) hash
     WHERE (SELECT count(*) FROM before) >= 0 ON CONFLICT DO NOTHING RETURNING user_id),
   ${told('new')}
   SELECT FROM person WHERE EXISTS (SELECT FROM new)`,
)

export function createRecoveryCodes(needs: FactorNeeds): RecoveryCodes {
  const { database } = needs
  return {
    consumeRecoveryCode: async ({ userId, code, limits, ...about }) =>
      (await runTold(needs, useRecoveryCode, [userId, hashOf(code), limits.perAccount], about))[0],
    recoveryCodesLeft: async (userId) => (await database.query(codesLeft, [userId]))[0]!.left,
    async replaceRecoveryCodes({ userId, standing }, codes, about, others) {
      const values = [userId, standing, codes.map(hashOf)]
      const changed = await changeFactors(needs, userId, others, (bound) => runTold(bound, replaceCodes, values, about))
      return changed !== undefined
    },
  }
}
