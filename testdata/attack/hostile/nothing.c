/* nothing ends at once: a storm executes it under other names. */
int main(void)
{
	return 0;
}
