// Waiting with an end: every wait of the check has a name, a limit and the last thing it saw.

/**
 * Runs `work`, which may tell by its argument what it last saw, for at most `ms`.
 * The error of a wait that ran out names what was awaited and what was there instead.
 */
export async function deadline(ms, what, work) {
  let seen;
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(() => {
      const instead = seen === undefined ? '' : `; last: ${JSON.stringify(seen)}`;
      reject(new Error(`waited ${ms} ms for ${what}${instead}`));
    }, ms);
  });
  let running = true;
  const result = work((value) => {
    if (!running) throw new Error('given up');
    seen = value;
  });
  result.catch(() => {});
  try {
    return await Promise.race([result, expired]);
  } finally {
    running = false;
    clearTimeout(timer);
  }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
