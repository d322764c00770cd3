/* A PKCS#11 module in front of SoftHSM, for what SoftHSM does not do: lock a token. ODD_TOKEN_FLAGS are added to the
   token's own; where there are any, C_Login answers CKR_PIN_LOCKED. The list of functions has a version, then pointers in the order of the
   standard (PKCS #11 v2.40, section 5). */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS = 68, GET_TOKEN_INFO = 6, LOGIN = 18, FLAGS_AT = 96, PIN_LOCKED = 0xa4 };

struct list {
  unsigned char version[2];
  void *functions[FUNCTIONS];
};

static struct list ours;
static unsigned long (*their_token_info)(unsigned long, char *);
static unsigned long (*their_login)(unsigned long, unsigned long, char *, unsigned long);

static unsigned long odd_flags(void) { return strtoul(getenv("ODD_TOKEN_FLAGS"), NULL, 0); }

static unsigned long token_info(unsigned long slot, char *info) {
  unsigned long answer = their_token_info(slot, info), flags;
  memcpy(&flags, info + FLAGS_AT, sizeof flags);
  flags |= odd_flags();
  memcpy(info + FLAGS_AT, &flags, sizeof flags);
  return answer;
}

static unsigned long login(unsigned long session, unsigned long who, char *pin, unsigned long length) {
  return odd_flags() ? PIN_LOCKED : their_login(session, who, pin, length);
}

unsigned long C_GetFunctionList(struct list **list) {
  struct list *theirs;
  void *module = dlopen(getenv("ODD_TOKEN_MODULE"), RTLD_NOW);
  unsigned long (*get)(struct list **) = (unsigned long (*)(struct list **))dlsym(module, "C_GetFunctionList");
  unsigned long answer = get(&theirs);
  ours = *theirs;
  their_token_info = (unsigned long (*)(unsigned long, char *))theirs->functions[GET_TOKEN_INFO];
  their_login = (unsigned long (*)(unsigned long, unsigned long, char *, unsigned long))theirs->functions[LOGIN];
  ours.functions[GET_TOKEN_INFO] = (void *)token_info;
  ours.functions[LOGIN] = (void *)login;
  *list = &ours;
  return answer;
}
