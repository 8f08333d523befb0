/* TEMPORARY, never committed: until gw_lane exists */
#include "gw_lane.h"
#define W __attribute__((weak))
W int gw_lane_has_error_document(request_rec*r,int s){return 0;}
W void gw_lane_init(apr_pool_t*a,apr_pool_t*b,server_rec*s){}
W const char *gw_lane_of_end(void){return NULL;}
W const char *gw_lane_of_exchange(request_rec*r){return NULL;}
W const char *gw_lane_of_process(void){return NULL;}
W const char *gw_lane_of_request(request_rec*r){ return strncmp(r->uri,"/app",4)==0?NULL:"handler";}
