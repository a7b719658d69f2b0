/** Where sealed values are kept: a value opens only under the context that it was sealed for. */

/** The secret that signs a bot's callbacks and webhooks. */
export const botSecretContext = (workspaceId: string, botId: string): string => `bot secret ${workspaceId} ${botId}`;

/** The code of a member's sign-in link, in an answer that is kept under an Idempotency-Key. */
export const signInCodeContext = (workspaceId: string, memberId: string): string =>
  `sign-in code ${workspaceId} ${memberId}`;

/** A connection's credentials: JSON of its secret fields. */
export const connectionSecretsContext = (workspaceId: string, connectionId: string): string =>
  `connection secrets ${workspaceId} ${connectionId}`;

/** The hash of a member's password: sealed too, so that a copy of the database alone cannot be guessed at. */
export const passwordContext = (workspaceId: string, memberId: string): string => `password ${workspaceId} ${memberId}`;

/** What a member's authenticator app makes its codes from. */
export const secondFactorContext = (workspaceId: string, memberId: string): string =>
  `second factor ${workspaceId} ${memberId}`;
