#include "service/budget.h"

#include <math.h>

enum { RETRY_MAX = 86400 };

bool budget_spend(struct budget *budget, double rate, double burst, double n, int64_t now_ns,
                  int *ret_retry)
{
    double left = burst;
    if (budget->at_ns != 0) {
        double seconds = (double)(now_ns - budget->at_ns) / 1e9;
        left = fmin(burst, budget->left + fmax(seconds, 0) * rate);
    }
    budget->left = left;
    budget->at_ns = now_ns != 0 ? now_ns : 1;

    double needed = fmin(n, burst);
    /* A sum of many small refills may miss a whole number by a rounding error. */
    if (left + 1e-9 * burst < needed) {
        double wait = ceil((needed - left) / rate);
        *ret_retry = wait < 1 ? 1 : wait > RETRY_MAX ? RETRY_MAX : (int)wait;
        return false;
    }
    budget->left = left - n;
    return true;
}
