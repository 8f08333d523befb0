#include "gw_drive_block.h"

#include "gw_ride.h"

int gw_drive_block(request_rec *r, const gw_mapped *m)
{
    static const gw_ride_params params = { 0 };
    gw_ride *ride;
    int status;

    ride = gw_ride_begin(r, m, &params, &status);
    if (!ride) {
        return status;
    }
    gw_ride_wait(ride, GW_NEVER);
    return gw_ride_end(ride);
}
