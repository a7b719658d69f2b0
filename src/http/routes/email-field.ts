import { z } from "zod";
import { isEmailAddress } from "../../domain/email-address.ts";

/** A member's email address. */
export const Email = z.string().trim().max(254).refine(isEmailAddress, "must be an email address");
