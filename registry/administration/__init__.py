"""How mandates are administered: one command in, its events out, everything between stored.

    mandate-commands.<registry> -> (verify the login) -> who commands -> the command's own rules
                                -> mandate-events.<registry>, charges.<registry>, queries to others

choices      what the scheme leaves open
actors       who commands, by the login that his command carries
situation    what the tables say about a command
loading      reads that from the tables
validity, wanted    the rules that several commands share
registering, appointing, links, assigning, withdrawing, approving, showing    the commands
done         what a command leads to
texts        every refusal in Dutch and English
topology     the stages of all this
"""
